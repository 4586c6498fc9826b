//! Decides by the policies in `policies/`: who may what.
//!
//! Comes in: a [`Principal`] as it is now, an [`Action`], an [`Object`] with whose it is. Goes out: yes or no. Never: a yes
//! that no policy says; an error within a policy is a no. Nothing is looked up here, so a decision takes microseconds
//! (`make bench`, access).

use super::{
    action::{Action, Object},
    roles::{Membership, Role, Scope},
};
use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityId, EntityTypeName, EntityUid, PolicySet, Request,
    RestrictedExpression as Value,
};
use std::collections::{HashMap, HashSet};

const POLICIES: &str = include_str!("policies/rinkside.cedar");

/// Who asks: an account, with the roles it holds now and the teams that share with its teams.
#[derive(Debug, Clone, Copy)]
pub struct Principal<'a> {
    /// Its id.
    pub account: &'a str,
    /// Its roles.
    pub roles: &'a [&'a Membership],
    /// Teams whose tracking it may see.
    pub tracking: &'a [&'a str],
    /// Teams whose players' hearts it may see.
    pub biometrics: &'a [&'a str],
    /// Whether more than a password was shown, or need not be.
    pub second_factor: bool,
}

/// The policies, read once.
#[derive(Debug)]
pub struct Policies {
    authorizer: Authorizer,
    set: PolicySet,
    kinds: [EntityTypeName; 9],
    actions: HashMap<Action, EntityUid>,
}

#[derive(Clone, Copy)]
enum Kind {
    Team,
    Venue,
    User,
    Service,
    League,
    Game,
    Player,
    Account,
    Action,
}

impl Default for Policies {
    fn default() -> Self {
        Self::new()
    }
}

impl Policies {
    /// Those that ship; a test holds them against their schema.
    pub fn new() -> Self {
        let kinds = ["Team", "Venue", "User", "Service", "League", "Game", "Player", "Account", "Action"]
            .map(|name| name.parse::<EntityTypeName>().expect("a word is a type's name"));
        let set = POLICIES.parse().expect("the policies that ship are policies");
        let mut read = Self { authorizer: Authorizer::new(), set, kinds, actions: HashMap::new() };
        read.actions = Action::ALL.into_iter().map(|action| (action, read.uid(Kind::Action, action.name()))).collect();
        read
    }

    fn uid(&self, kind: Kind, id: &str) -> EntityUid {
        EntityUid::from_type_name_and_id(self.kinds[kind as usize].clone(), EntityId::new(id))
    }

    fn set_of<'a>(&self, kind: Kind, ids: impl IntoIterator<Item = &'a str>) -> Value {
        Value::new_set(ids.into_iter().map(|id| Value::new_entity_uid(self.uid(kind, id))))
    }

    /// Whether whoever asks may do `action` to `object`.
    pub fn may(&self, asks: Principal<'_>, action: Action, object: &Object) -> bool {
        let principal = self.principal(asks);
        let resource = self.resource(object, &principal);
        let asked = Context::from_pairs([
            ("action".to_owned(), Value::new_string(action.name().to_owned())),
            ("second_factor".to_owned(), Value::new_bool(asks.second_factor)),
        ]);
        let Ok(asked) = asked else { return false };
        let request = Request::new(principal.uid(), self.actions[&action].clone(), resource.uid(), asked, None);
        let (Ok(request), Ok(entities)) = (request, Entities::from_entities([principal, resource], None)) else {
            return false;
        };
        let answer = self.authorizer.is_authorized(&request, &self.set, &entities);
        answer.decision() == Decision::Allow && answer.diagnostics().errors().next().is_none()
    }

    fn principal(&self, asks: Principal<'_>) -> Entity {
        if asks.roles.iter().any(|held| held.role == Role::Service) {
            return self.entity(Kind::Service, asks.account, self.program(asks.roles));
        }
        self.entity(Kind::User, asks.account, self.person(asks.roles, asks.tracking, asks.biometrics))
    }

    fn entity(&self, kind: Kind, id: &str, attributes: HashMap<String, Value>) -> Entity {
        Entity::new(self.uid(kind, id), attributes, HashSet::new()).expect("attributes are plain values")
    }

    fn person(&self, roles: &[&Membership], tracking: &[&str], biometrics: &[&str]) -> HashMap<String, Value> {
        let of_league =
            |role: Role| Value::new_bool(roles.iter().any(|held| held.role == role && held.scope == Scope::League));
        let held = |role: Role, kind: Kind| {
            let ids = roles.iter().filter(|held| held.role == role).filter_map(|held| match (&held.scope, kind) {
                (Scope::Team(id), Kind::Team) | (Scope::Venue(id), Kind::Venue) | (Scope::Player(id), Kind::Player) => {
                    Some(id.as_str())
                }
                _ => None,
            });
            self.set_of(kind, ids)
        };
        HashMap::from(
            [
                ("league_admin", of_league(Role::LeagueAdmin)),
                ("league_viewer", of_league(Role::Viewer)),
                ("member", Value::new_bool(!roles.is_empty())),
                ("team_admin", held(Role::TeamAdmin, Kind::Team)),
                ("coach", held(Role::Coach, Kind::Team)),
                ("analyst", held(Role::Analyst, Kind::Team)),
                ("scout", held(Role::Scout, Kind::Team)),
                ("viewer", held(Role::Viewer, Kind::Team)),
                ("arena_staff", held(Role::ArenaStaff, Kind::Venue)),
                ("tracking_shared_by", self.set_of(Kind::Team, tracking.iter().copied())),
                ("biometrics_shared_by", self.set_of(Kind::Team, biometrics.iter().copied())),
                ("player", held(Role::Player, Kind::Player)),
            ]
            .map(|(name, value)| (name.to_owned(), value)),
        )
    }

    fn program(&self, roles: &[&Membership]) -> HashMap<String, Value> {
        let programs = || roles.iter().filter(|held| held.role == Role::Service);
        let may = programs().flat_map(|held| &held.may).filter(|action| action.is_for_programs());
        let may = Value::new_set(may.map(|action| Value::new_string(action.name().to_owned())));
        let teams = programs().filter_map(|held| match &held.scope {
            Scope::Team(team) => Some(team.as_str()),
            _ => None,
        });
        let league = Value::new_bool(programs().any(|held| held.scope == Scope::League));
        HashMap::from([
            ("may".to_owned(), may),
            ("league".to_owned(), league),
            ("teams".to_owned(), self.set_of(Kind::Team, teams)),
        ])
    }

    fn resource(&self, object: &Object, principal: &Entity) -> Entity {
        let teams = |teams: &[String]| ("teams".to_owned(), self.set_of(Kind::Team, teams.iter().map(String::as_str)));
        match object {
            Object::League => self.entity(Kind::League, "league", HashMap::new()),
            Object::Team(team) => self.entity(Kind::Team, team, HashMap::new()),
            Object::Venue(venue) => self.entity(Kind::Venue, venue, HashMap::new()),
            Object::Player { player, teams: of } => self.entity(Kind::Player, player, HashMap::from([teams(of)])),
            Object::Game { game, teams: of, venue } => {
                let venues = ("venues".to_owned(), self.set_of(Kind::Venue, venue.as_deref()));
                self.entity(Kind::Game, &game.to_string(), HashMap::from([teams(of), venues]))
            }
            Object::Account { account, teams: of, venues, league } => {
                let venues = ("venues".to_owned(), self.set_of(Kind::Venue, venues.iter().map(String::as_str)));
                let own = ("own".to_owned(), Value::new_bool(principal.uid() == self.uid(Kind::User, account)));
                let league = ("league".to_owned(), Value::new_bool(*league));
                self.entity(Kind::Account, account, HashMap::from([teams(of), venues, league, own]))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cedar_policy::{Schema, ValidationMode, Validator};

    const SCHEMA: &str = include_str!("policies/schema.cedarschema");

    #[test]
    fn policies_say_only_what_their_schema_knows() {
        let (schema, warnings) = Schema::from_cedarschema_str(SCHEMA).unwrap();
        assert_eq!(warnings.map(|warning| warning.to_string()).collect::<Vec<_>>(), Vec::<String>::new());
        let policies: PolicySet = POLICIES.parse().unwrap();
        let found = Validator::new(schema.clone()).validate(&policies, ValidationMode::Strict);
        assert!(found.validation_passed_without_warnings(), "{found}");
        let known: HashSet<String> = schema.actions().map(|action| action.id().unescaped().to_owned()).collect();
        let ours: HashSet<String> = Action::ALL.into_iter().map(|action| action.name().to_owned()).collect();
        assert_eq!(known, ours);
        let mut names: Vec<_> = policies.policies().map(|policy| policy.annotation("id").unwrap_or_default()).collect();
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert!(names.len() == all && !names.contains(&""), "each policy has a name of its own");
    }

    fn held(role: Role, scope: &str) -> Membership {
        Membership { role, scope: scope.parse().unwrap(), until_us: None, may: Vec::new() }
    }

    fn check(roles: &[Membership], tracking: &[&str], action: Action, object: &Object, expected: bool) {
        let roles: Vec<&Membership> = roles.iter().collect();
        let asks = Principal { account: "u-1", roles: &roles, tracking, biometrics: &[], second_factor: true };
        assert_eq!(Policies::new().may(asks, action, object), expected, "{roles:?} {action:?} {object:?}");
    }

    #[test]
    fn a_team_sees_its_own_tracking_and_what_is_shared() {
        let game = |teams: &[&str]| Object::Game {
            game: 7,
            teams: teams.iter().map(|team| (*team).to_owned()).collect(),
            venue: Some("oak".into()),
        };
        let (own, others, nobodys) = (game(&["oaks", "elms"]), game(&["elms", "firs"]), game(&[]));
        let coach = [held(Role::Coach, "team/oaks")];
        check(&coach, &[], Action::ViewTracking, &own, true);
        check(&coach, &[], Action::ViewTracking, &others, false);
        check(&coach, &["firs"], Action::ViewTracking, &others, true);
        check(&coach, &[], Action::ViewTracking, &nobodys, false);
        check(&coach, &[], Action::CorrectEvents, &own, false);
        check(&[held(Role::ArenaStaff, "venue/oak")], &[], Action::CorrectEvents, &own, true);
        check(&[held(Role::ArenaStaff, "venue/elm")], &[], Action::CorrectEvents, &own, false);
        check(&[held(Role::LeagueAdmin, "league")], &[], Action::ViewTracking, &nobodys, true);
        check(&[], &[], Action::ViewLeague, &Object::League, false);
    }

    #[test]
    fn hearts_are_the_teams_and_the_players_own() {
        let ann = Object::Player { player: "ann".into(), teams: vec!["oaks".into()] };
        let hearts = |role, scope, expected| check(&[held(role, scope)], &[], Action::ViewBiometrics, &ann, expected);
        hearts(Role::Coach, "team/oaks", true);
        hearts(Role::Coach, "team/elms", false);
        hearts(Role::Scout, "team/oaks", false);
        hearts(Role::LeagueAdmin, "league", false);
        hearts(Role::Player, "player/ann", true);
        hearts(Role::Player, "player/bob", false);
    }
}
