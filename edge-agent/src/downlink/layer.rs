//! What the hub has said, laid over the box's own file.

use firmware_protocol::network::Tagged;
use serde::{Deserialize, Serialize};

/// What the hub has said so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Layer {
    /// The game to record; 0 for none, nothing said for the box's own.
    pub game: Option<u64>,
    /// Who wears which tag; nothing said for the box's own.
    pub roster: Option<Vec<Tagged>>,
    /// Further settings, TOML.
    pub settings: String,
}

impl Layer {
    /// The text of a configuration: `own` with this laid over it, key by key. Lists are taken whole.
    pub fn over(&self, own: &str) -> Result<String, toml::de::Error> {
        if *self == Self::default() {
            return Ok(own.to_owned());
        }
        let mut laid: toml::Table = toml::from_str(own)?;
        lay(&mut laid, toml::from_str(&self.settings)?);
        if let Some(game) = self.game {
            let game = toml::Value::try_from(game).unwrap_or(toml::Value::Integer(i64::MAX));
            lay(
                &mut laid,
                [("game".to_owned(), toml::Value::Table([("id".to_owned(), game)].into_iter().collect()))]
                    .into_iter()
                    .collect(),
            );
        }
        if let Some(roster) = &self.roster
            && let Ok(roster) = toml::Value::try_from(roster)
        {
            laid.insert("roster".to_owned(), roster);
        }
        Ok(laid.to_string())
    }
}

fn lay(under: &mut toml::Table, over: toml::Table) {
    for (key, value) in over {
        match (under.get_mut(&key), value) {
            (Some(toml::Value::Table(under)), toml::Value::Table(over)) => lay(under, over),
            (_, value) => {
                under.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use firmware_protocol::network::{Role, Side};

    #[test]
    fn what_the_hub_said_wins_key_by_key() {
        let own = "[game]\nid = 1\nrink = \"iihf\"\n[web]\nlisten = \"127.0.0.1:1\"\n[[roster]]\ntag = 5\n";
        assert_eq!(Layer::default().over(own).unwrap(), own);
        let (role, side, number) = (Role::Official, None::<Side>, None);
        let layer = Layer {
            game: Some(7),
            roster: Some(vec![Tagged { tag: 9, role, side, number, name: String::new() }]),
            settings: "[web]\nlisten = \"127.0.0.1:2\"\n[events]\nx = 1".into(),
        };
        let laid: toml::Table = toml::from_str(&layer.over(own).unwrap()).unwrap();
        assert_eq!(laid["game"]["id"].as_integer(), Some(7));
        assert_eq!(laid["game"]["rink"].as_str(), Some("iihf"));
        assert_eq!(laid["web"]["listen"].as_str(), Some("127.0.0.1:2"));
        assert_eq!(laid["events"]["x"].as_integer(), Some(1));
        assert_eq!(laid["roster"].as_array().unwrap().len(), 1);
        assert_eq!(laid["roster"][0]["tag"].as_integer(), Some(9));
        assert!(Layer { settings: "=".into(), ..layer }.over(own).is_err());
    }
}
