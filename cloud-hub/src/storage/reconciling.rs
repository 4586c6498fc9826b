//! Accounts for every sequence number of a game: each stands in exactly one of records, losses and quarantine, or the
//! hub has a hole.
//!
//! A game's numbers in a stream are those of its records, and those on either side of them up to the next record that
//! was kept: what was lost there may have been the game's. Telemetry names no game, so it is taken by the game's time,
//! and so is a stream of which nothing was kept. Numbers above the high water have not come yet and are not counted.
//! All is read in one transaction, so that records which come meanwhile make no hole. Sets, never row by row: what it
//! costs grows with the game, not with the season. Of a journal from which nothing of the game was kept in any stream,
//! nothing is known.

use super::{
    Database, StorageError,
    engine::{Engine, Row},
};
use firmware_protocol::network::Stream;
use sqlx::{AnyConnection, AssertSqlSafe, Row as _};
use std::collections::BTreeMap;

/// What became of the numbers of one game in one stream of one journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The box.
    pub edge: String,
    /// Its journal.
    pub epoch: u64,
    /// The stream.
    pub stream: Stream,
    /// First number of the game.
    pub first_sequence: u64,
    /// Last number of the game.
    pub last_sequence: u64,
    /// Records kept.
    pub kept: u64,
    /// Records set aside unread.
    pub quarantined: u64,
    /// Numbers the box says will never come, by its reason.
    pub lost: Vec<(String, u64)>,
    /// Numbers that stand nowhere, first and last of each hole: the hub acknowledged them and does not hold them.
    pub missing: Vec<(u64, u64)>,
}

/// One journal in one game.
struct Journal {
    start_us: i64,
    end_us: i64,
    /// First and last number of the game's own records.
    own: [Option<(i64, i64)>; 3],
}

/// Where the records of `stream` stand: table and column of their time.
fn table(stream: Stream) -> (&'static str, &'static str) {
    match stream {
        Stream::Events => ("events", "captured_us"),
        Stream::Tracks => ("track_chunks", "start_us"),
        Stream::Telemetry => ("telemetry", "captured_us"),
    }
}

impl Database {
    /// What became of every number of `game`, by box, journal and stream. Empty when nothing of the game was kept.
    pub async fn accounts(&self, game: u64) -> Result<Vec<Account>, StorageError> {
        let mut transaction = self.begin_reading().await?;
        let mut accounts = Vec::new();
        for ((edge, epoch), journal) in journals(self.engine(), &mut transaction, game as i64).await? {
            for stream in Stream::ALL {
                let place = Place { engine: self.engine(), edge: &edge, epoch, stream };
                if let Some((first, last)) = place.numbers(&mut transaction, &journal).await? {
                    accounts.push(place.account(&mut transaction, first, last).await?);
                }
            }
        }
        transaction.commit().await?;
        Ok(accounts)
    }
}

/// The journals that hold records of `game`.
async fn journals(
    engine: Engine,
    connection: &mut AnyConnection,
    game: i64,
) -> Result<BTreeMap<(String, i64), Journal>, StorageError> {
    let mut journals = BTreeMap::new();
    for (stream, query, index) in [
        (
            Stream::Events,
            "SELECT edge, epoch, MIN(captured_us), MAX(captured_us), MIN(sequence), MAX(sequence) FROM events",
            "events_of_game",
        ),
        (
            Stream::Tracks,
            "SELECT edge, epoch, MIN(start_us), MAX(end_us), MIN(sequence), MAX(sequence) FROM track_chunks",
            "track_chunks_of_game",
        ),
    ] {
        let query = format!("{query} {} WHERE game = $1 GROUP BY edge, epoch", engine.by(index));
        for row in sqlx::query(AssertSqlSafe(query)).bind(game).fetch_all(&mut *connection).await? {
            let (start_us, end_us): (i64, i64) = (row.try_get(2)?, row.try_get(3)?);
            let journal = journals.entry((row.try_get(0)?, row.try_get(1)?)).or_insert(Journal {
                start_us,
                end_us,
                own: [None; 3],
            });
            journal.start_us = journal.start_us.min(start_us);
            journal.end_us = journal.end_us.max(end_us);
            journal.own[stream as usize] = Some((row.try_get(4)?, row.try_get(5)?));
        }
    }
    Ok(journals)
}

/// One stream of one journal.
struct Place<'a> {
    engine: Engine,
    edge: &'a str,
    epoch: i64,
    stream: Stream,
}

impl Place<'_> {
    /// First and last number of the game; `None` when it has none here.
    async fn numbers(
        &self,
        connection: &mut AnyConnection,
        journal: &Journal,
    ) -> Result<Option<(i64, i64)>, StorageError> {
        let (table, time) = table(self.stream);
        let own = match journal.own[self.stream as usize] {
            None if self.stream == Stream::Telemetry => {
                let query = format!(
                    "SELECT MIN(sequence), MAX(sequence) FROM telemetry {}
                     WHERE edge = $1 AND epoch = $2 AND captured_us BETWEEN $3 AND $4",
                    self.engine.by("telemetry_of_time")
                );
                let query = sqlx::query(AssertSqlSafe(query)).bind(self.edge).bind(self.epoch);
                let row = query.bind(journal.start_us).bind(journal.end_us).fetch_one(&mut *connection).await?;
                row.try_get::<Option<i64>, _>(0)?.zip(row.try_get(1)?)
            }
            own => own,
        };
        let (before, after) = match own {
            Some((first, last)) => (
                self.next(connection, table, "sequence <", first, "sequence DESC").await?,
                self.next(connection, table, "sequence >", last, "sequence").await?,
            ),
            None => (
                self.next(connection, table, &format!("{time} <"), journal.start_us, &format!("{time} DESC")).await?,
                self.next(connection, table, &format!("{time} >"), journal.end_us, time).await?,
            ),
        };
        let after = match after {
            Some(after) => after,
            None => self.high_water(connection).await?,
        };
        let (first, last) = (before.map_or(0, |before| before + 1), after - 1);
        Ok((first <= last).then_some((first, last)))
    }

    /// Number of the record that is first by `order` of those with `condition` to `bound`.
    async fn next(
        &self,
        connection: &mut AnyConnection,
        table: &str,
        condition: &str,
        bound: i64,
        order: &str,
    ) -> Result<Option<i64>, StorageError> {
        let query = format!(
            "SELECT sequence FROM {table} WHERE edge = $1 AND epoch = $2 AND {condition} $3 ORDER BY {order} LIMIT 1"
        );
        let query = sqlx::query(AssertSqlSafe(query)).bind(self.edge).bind(self.epoch).bind(bound);
        Ok(query.fetch_optional(connection).await?.map(|row| row.try_get(0)).transpose()?)
    }

    async fn high_water(&self, connection: &mut AnyConnection) -> Result<i64, StorageError> {
        let query = "SELECT next_sequence FROM high_water WHERE edge = $1 AND epoch = $2 AND stream = $3";
        let query = sqlx::query(query).bind(self.edge).bind(self.epoch).bind(self.stream.name());
        Ok(query.fetch_optional(connection).await?.map_or(Ok(0), |row| row.try_get(0))?)
    }

    async fn account(&self, connection: &mut AnyConnection, first: i64, last: i64) -> Result<Account, StorageError> {
        let (table, _) = table(self.stream);
        // `$1` box, `$2` journal, `$3` stream, `$4` and `$5` first and last number.
        let records = format!("FROM {table} WHERE edge = $1 AND epoch = $2 AND sequence BETWEEN $4 AND $5");
        let aside = "FROM quarantine WHERE edge = $1 AND epoch = $2 AND stream = $3 AND sequence BETWEEN $4 AND $5";
        let losses = "FROM losses WHERE edge = $1 AND epoch = $2 AND stream = $3
            AND first_sequence <= $5 AND last_sequence >= $4";
        let counts = format!("SELECT (SELECT COUNT(*) {records}), (SELECT COUNT(*) {aside})");
        let from = "CASE WHEN first_sequence < $4 THEN $4 ELSE first_sequence END";
        let to = "CASE WHEN last_sequence > $5 THEN $5 ELSE last_sequence END";
        let lost = format!(
            "SELECT reason, CAST(SUM({to} - {from} + 1) AS BIGINT) AS numbers {losses}
             GROUP BY reason ORDER BY numbers DESC, reason"
        );
        // A hole is before each interval that begins beyond the furthest end of those before it.
        let holes = format!(
            "WITH held (first, last) AS (
                SELECT sequence, sequence {records} UNION ALL SELECT sequence, sequence {aside}
                UNION ALL SELECT {from}, {to} {losses}
                UNION ALL VALUES ($4 - 1, $4 - 1), ($5 + 1, $5 + 1)
             ), reached AS (
                SELECT first, MAX(last) OVER (ORDER BY first ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS reach
                FROM held
             ) SELECT reach + 1, first - 1 FROM reached WHERE first > reach + 1 ORDER BY first"
        );
        let bound = |query: String| {
            let query = sqlx::query(AssertSqlSafe(query)).bind(self.edge.to_owned()).bind(self.epoch);
            query.bind(self.stream.name()).bind(first).bind(last)
        };
        let counts = bound(counts).fetch_one(&mut *connection).await?;
        let lost = bound(lost).fetch_all(&mut *connection).await?;
        let holes = bound(holes).fetch_all(&mut *connection).await?;
        let number = |row: &Row, column: usize| row.try_get::<i64, _>(column).map(|it| it as u64);
        Ok(Account {
            edge: self.edge.to_owned(),
            epoch: self.epoch as u64,
            stream: self.stream,
            first_sequence: first as u64,
            last_sequence: last as u64,
            kept: number(&counts, 0)?,
            quarantined: number(&counts, 1)?,
            lost: lost.iter().map(|row| Ok((row.try_get(0)?, number(row, 1)?))).collect::<Result<_, sqlx::Error>>()?,
            missing: holes
                .iter()
                .map(|row| Ok((number(row, 0)?, number(row, 1)?)))
                .collect::<Result<_, sqlx::Error>>()?,
        })
    }
}
