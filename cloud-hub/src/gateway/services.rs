//! Which service has which paths, and where each answers: in this process, or in others.

use super::upstream::{self, Upstream};
use crate::{
    access::{Access, owners::Owners},
    api::Guard,
    services::{
        core::{self, Core},
        security::{self, Security},
    },
};
use axum::{Router, routing::any};
use utoipa_axum::router::OpenApiRouter;

/// Where a service with state `S` answers.
pub enum Place<S> {
    /// In this process.
    Here(S),
    /// In others.
    Elsewhere(Upstream),
}

/// Every service.
pub struct Services {
    /// Games, teams, statistics, corrections, boxes.
    pub core: Place<Core>,
    /// Live pages and a game's figures.
    pub analytics: Place<Core>,
    /// Who may come in, and what they may.
    pub security: Place<Security>,
    /// Decides before those that are here.
    pub access: Access,
    /// Says whose things are.
    pub owners: Owners,
}

impl Services {
    /// The paths of all services.
    pub fn router(self) -> Router {
        let rights = (&self.access, &self.owners);
        let core = self.core.router(core::rest_routes(), rights);
        let analytics = self.analytics.router(core::analytics_routes(), rights);
        core.merge(analytics).merge(self.security.router(security::routes(), rights))
    }
}

impl<S: Clone + Send + Sync + 'static> Place<S> {
    /// `routes`, answered there. Paths elsewhere are known here too, so that figures and refusals are the same.
    fn router(self, routes: OpenApiRouter<S>, rights: (&Access, &Owners)) -> Router {
        match self {
            Self::Here(service) => guarded(routes, service, rights),
            Self::Elsewhere(upstream) => {
                let pass = |router: Router<Upstream>, path: &String| router.route(path, any(upstream::pass));
                routes.split_for_parts().1.paths.paths.keys().fold(Router::new(), pass).with_state(upstream)
            }
        }
    }
}

/// `routes` of a service in this process, each decided about before it is answered.
pub fn guarded<S: Clone + Send + Sync + 'static>(
    routes: OpenApiRouter<S>,
    service: S,
    (access, owners): (&Access, &Owners),
) -> Router {
    let (routes, document) = routes.split_for_parts();
    Guard::new(access.clone(), owners.clone(), &document).before(routes.with_state(service))
}
