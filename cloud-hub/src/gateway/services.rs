//! Which service has which paths, and where each answers: in this process, or in others.

use super::upstream::{self, Upstream};
use crate::services::core::{self, Core};
use axum::{Router, routing::any};
use utoipa_axum::router::OpenApiRouter;

/// Where a service answers.
pub enum Place {
    /// In this process.
    Here(Core),
    /// In others.
    Elsewhere(Upstream),
}

/// Every service.
pub struct Services {
    /// Games, teams, statistics, corrections, boxes.
    pub core: Place,
    /// Live pages and a game's figures.
    pub analytics: Place,
}

impl Services {
    /// The paths of all services.
    pub fn router(self) -> Router {
        self.core.router(core::rest_routes()).merge(self.analytics.router(core::analytics_routes()))
    }
}

impl Place {
    /// `routes`, answered there. Paths elsewhere are known here too, so that figures and refusals are the same.
    fn router(self, routes: OpenApiRouter<Core>) -> Router {
        let (routes, document) = routes.split_for_parts();
        match self {
            Self::Here(core) => routes.with_state(core),
            Self::Elsewhere(upstream) => {
                let pass = |router: Router<Upstream>, path: &String| router.route(path, any(upstream::pass));
                document.paths.paths.keys().fold(Router::new(), pass).with_state(upstream)
            }
        }
    }
}
