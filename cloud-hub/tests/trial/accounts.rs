//! People and programs of a trial's hub, who come in as they would: by a code, a password, a login.

use super::{PATIENCE, Shape, Trial};
use cloud_hub::access::{
    Access,
    accounts::Personal,
    action::Action,
    roles::{Membership, Role, Scope},
};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use std::sync::Arc;

pub const PASSWORD: &str = "trees grow by slow rivers";

/// Somebody with a token.
#[derive(Clone)]
pub struct Somebody {
    pub name: String,
    pub account: String,
    pub session: String,
    pub token: String,
    pub refresh: String,
}

pub fn role(role: Role, scope: &str) -> Membership {
    Membership { role, scope: scope.parse::<Scope>().unwrap(), until_us: None, may: Vec::new() }
}

pub fn program(scope: &str, may: &[Action]) -> Membership {
    Membership { may: may.to_vec(), ..role(Role::Service, scope) }
}

/// An authenticator: its secret, and the code that was shown last.
pub struct Authenticator {
    pub secret: String,
    pub shown: String,
}

/// What an authenticator with `secret` shows `later_s` from now.
pub fn code(secret: &str, later_s: u64) -> String {
    let bytes = data_encoding::BASE32_NOPAD.decode(secret.as_bytes()).unwrap();
    let totp = totp_rs::Builder::new().with_secret(bytes).build().unwrap();
    totp.generate(cloud_hub::time::utc_us() as u64 / 1_000_000 + later_s).to_string()
}

/// A hub that asks everybody who they are, and believes who says for whom it asks.
pub async fn asking(shape: Shape) -> Trial {
    Trial::start_as(shape, |config| {
        config.access.required = true;
        config.gateway.trusted_proxies = vec!["127.0.0.0/8".to_owned()];
    })
    .await
}

pub const COACH: &str = "team/oaks";
pub const LOGIN: &str = "/api/security/auth/login";
pub const PERMISSIONS: &str = "/api/security/auth/permissions";

/// Tries to log in from the network `from`; what is told without what changes with each answer.
pub async fn try_in(trial: &Trial, from: u8, body: &Value) -> (StatusCode, Value) {
    let from = format!("198.51.100.{from}");
    let answer = trial.request(Method::POST, LOGIN).header("x-forwarded-for", from).json(body).send().await.unwrap();
    (answer.status(), answer.json().await.unwrap())
}

impl Trial {
    /// The access of the process that keeps accounts.
    pub fn access(&self) -> &Access {
        let hubs = &self.hub.hubs;
        // Of roles apart, security's stands last but the gateway.
        &hubs[hubs.len().saturating_sub(2)].access
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("http://{}{path}", self.hub.address))
    }

    /// An account that has its password.
    pub async fn account(&self, name: &str, roles: &[Membership]) -> String {
        let made =
            self.access().add_account(name, roles, &Personal { display_name: format!("Ms {name}") }, false).await;
        let (account, code) = made.unwrap().expect("the name is free");
        let body = json!({"name": name, "code": code, "password": PASSWORD});
        let set = self.post("/api/security/auth/reset", &body).await;
        assert_eq!(set.status(), StatusCode::NO_CONTENT, "{}", set.text().await.unwrap());
        account.account.clone()
    }

    /// Logs `name` in as a program does.
    pub async fn log_in(&self, name: &str, code: Option<&str>) -> Somebody {
        let body = json!({"name": name, "password": PASSWORD, "code": code});
        let answer = self.post("/api/security/auth/login", &body).await;
        let status = answer.status();
        let said: Value = answer.json().await.unwrap();
        assert_eq!(status, StatusCode::OK, "{said}");
        let text = |key: &str| said[key].as_str().unwrap().to_owned();
        Somebody {
            name: name.to_owned(),
            account: text("account"),
            session: text("session"),
            token: text("access_token"),
            refresh: text("refresh_token"),
        }
    }

    /// An account that is logged in.
    pub async fn somebody(&self, name: &str, roles: &[Membership]) -> Somebody {
        self.account(name, roles).await;
        self.log_in(name, None).await
    }

    /// One that has shown an authenticator's code.
    pub async fn administrator(&self, name: &str, roles: &[Membership]) -> (Somebody, Authenticator) {
        let somebody = self.somebody(name, roles).await;
        let offered = self.as_them(&somebody, Method::POST, "/api/security/auth/authenticator").send().await.unwrap();
        let secret = offered.json::<Value>().await.unwrap()["secret"].as_str().unwrap().to_owned();
        let confirm = "/api/security/auth/authenticator/confirm";
        let confirmed = self.as_them(&somebody, Method::POST, confirm).json(&json!({"code": code(&secret, 0)}));
        assert_eq!(confirmed.send().await.unwrap().status(), StatusCode::OK);
        // The next code: each works once.
        let shown = code(&secret, 30);
        (self.log_in(name, Some(&shown)).await, Authenticator { secret, shown })
    }

    /// A program's key.
    pub async fn program(&self, name: &str, may: Membership) -> Somebody {
        let made = self.access().add_account(name, &[may], &Personal::default(), false).await.unwrap();
        let account: Arc<_> = made.expect("the name is free").0;
        let until_us = cloud_hub::time::utc_us() + 3_600_000_000;
        let (begun, key) = self.access().create_key(account.clone(), until_us).await.unwrap();
        let (account, name) = (account.account.clone(), name.to_owned());
        Somebody { name, account, session: begun.session, token: key, refresh: String::new() }
    }

    pub fn as_them(&self, somebody: &Somebody, method: Method, path: &str) -> RequestBuilder {
        self.request(method, path).bearer_auth(&somebody.token)
    }

    /// Makes a thing at `path` as an administrator does.
    pub async fn make(&self, admin: &Somebody, path: &str, body: Value) {
        let made = self.as_them(admin, Method::POST, path).json(&body).send().await.unwrap();
        assert!(made.status().is_success(), "{path}: {}", made.text().await.unwrap());
    }

    pub async fn status(&self, somebody: &Somebody, path: &str) -> StatusCode {
        self.as_them(somebody, Method::GET, path).send().await.unwrap().status()
    }

    /// Asks until the answer has this status: what is changed in one process reaches the others in a moment.
    pub async fn until_status(&self, somebody: &Somebody, path: &str, expected: StatusCode) {
        let reached = async {
            while self.status(somebody, path).await != expected {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, reached).await.unwrap_or_else(|_| panic!("{path} is never {expected}"));
    }
}
