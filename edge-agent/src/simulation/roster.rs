//! Who plays: twenty a side and four officials, with made-up names and numbers.

use super::{RosterEntry, chance::Chance};
use firmware_protocol::network::{Role, Side};

/// People of one team: twelve forwards, six defenders, two goalies.
pub(super) const TEAM: usize = 20;
/// Everybody: two teams, then two referees, then two linespersons.
pub(super) const EVERYBODY: usize = 2 * TEAM + 4;

const GIVEN: [&str; 22] = [
    "Aki", "Anton", "Ben", "Cal", "Dmitri", "Elias", "Felix", "Gus", "Henrik", "Ivan", "Jonas", "Karel", "Leo", "Mats",
    "Niko", "Oskar", "Pavel", "Quinn", "Rasmus", "Sami", "Tomas", "Viktor",
];
const FAMILY: [&str; 26] = [
    "Ahlgren", "Baranek", "Carrow", "Dalby", "Eskola", "Fournel", "Granlid", "Havlin", "Ilves", "Jarsson", "Kovanen",
    "Lindrup", "Morrow", "Nyberg", "Orlin", "Petrik", "Quist", "Rautio", "Stenmark", "Tervo", "Ulvang", "Vesely",
    "Wickman", "Ylonen", "Zelenka", "Ostberg",
];

/// The roster, in order of `id`, which counts from 1.
pub(super) fn draw(chance: &mut Chance) -> Vec<RosterEntry> {
    let mut roster = Vec::with_capacity(EVERYBODY);
    for side in [Side::Home, Side::Away] {
        let mut taken = [false; 99];
        for index in 0..TEAM {
            let role = if index < 18 { Role::Skater } else { Role::Goalie };
            let number = loop {
                // Goalies wear 1, 30-39; skaters the rest.
                let number = if role == Role::Goalie {
                    30 + chance.under(10)
                } else {
                    2 + chance.under(28) * 3 + chance.under(3)
                };
                let goalie_number = (30..40).contains(&number);
                if number < 99 && !taken[number] && goalie_number == (role == Role::Goalie) {
                    break number;
                }
            };
            taken[number] = true;
            roster.push(entry(&roster, role, Some(side), number as u8, chance));
        }
    }
    for _ in 0..4 {
        roster.push(entry(&roster, Role::Official, None, 0, chance));
    }
    roster
}

fn entry(so_far: &[RosterEntry], role: Role, side: Option<Side>, number: u8, chance: &mut Chance) -> RosterEntry {
    let name = loop {
        let name = format!("{} {}", GIVEN[chance.under(GIVEN.len())], FAMILY[chance.under(FAMILY.len())]);
        if so_far.iter().all(|other| other.name != name) {
            break name;
        }
    };
    RosterEntry { id: so_far.len() as u32 + 1, role, side, number, name }
}
