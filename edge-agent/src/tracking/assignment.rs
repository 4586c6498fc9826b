//! Who goes with whom: the cheapest one-to-one pairing of rows and columns, where a row may also stay alone.
//!
//! Comes in: a cost for every pair and the price of staying alone. Goes out: for each row its column or `None`.
//! Shortest augmenting paths with prices (Jonker and Volgenant 1987); "alone" is one more column that never fills, so
//! a pair dearer than the price of staying alone is never made. Buffers are kept: nothing is allocated once they have
//! grown to the largest problem. Never fails; costs that are not finite forbid the pair.

/// Solves one assignment after another in the same buffers.
#[derive(Debug, Clone, Default)]
pub struct Assignment {
    column_price: Vec<f64>,
    column_row: Vec<u32>,
    distance: Vec<f64>,
    previous: Vec<u32>,
    done: Vec<bool>,
    row_column: Vec<Option<u32>>,
}

const NOBODY: u32 = u32::MAX;

impl Assignment {
    /// Buffers for up to `rows` × `columns`, so that solving up to there allocates nothing.
    pub fn with_capacity(rows: usize, columns: usize) -> Self {
        Self {
            column_price: Vec::with_capacity(columns),
            column_row: Vec::with_capacity(columns),
            distance: Vec::with_capacity(columns),
            previous: Vec::with_capacity(columns),
            done: Vec::with_capacity(columns),
            row_column: Vec::with_capacity(rows),
        }
    }

    /// The pairing of least total cost. `costs` is row by row, `columns` wide; a row left alone costs `alone`.
    ///
    /// Answers, for each row, its column.
    pub fn solve(&mut self, costs: &[f64], columns: usize, alone: f64) -> &[Option<u32>] {
        let rows = costs.len().checked_div(columns).unwrap_or(0);
        self.row_column.clear();
        self.row_column.resize(rows, None);
        self.column_price.clear();
        self.column_price.resize(columns, 0.0);
        self.column_row.clear();
        self.column_row.resize(columns, NOBODY);
        self.previous.clear();
        self.previous.resize(columns, NOBODY);
        self.distance.resize(columns, 0.0);
        self.done.resize(columns, false);
        for row in 0..rows {
            if !self.take_free_favourite(costs, row, alone) {
                self.augment(costs, row, alone);
            }
        }
        &self.row_column
    }

    /// Column of `row` in the last pairing; `None` for one alone or not there.
    pub fn column_of(&self, row: usize) -> Option<usize> {
        self.row_column.get(row).copied().flatten().map(|column| column as usize)
    }

    /// Most rows of a calm frame want a column nobody else wants: no search is needed then.
    fn take_free_favourite(&mut self, costs: &[f64], row: usize, alone: f64) -> bool {
        let columns = self.column_price.len();
        let (mut best, mut favourite) = (alone, None);
        for (column, cost) in costs[row * columns..(row + 1) * columns].iter().enumerate() {
            let reduced = cost - self.column_price[column];
            if reduced < best {
                (best, favourite) = (reduced, Some(column));
            }
        }
        match favourite {
            None => true,
            Some(column) if self.column_row[column] == NOBODY => {
                self.column_row[column] = row as u32;
                self.row_column[row] = Some(column as u32);
                true
            }
            Some(_) => false,
        }
    }

    /// Dijkstra over reduced costs from `start` to a free column, or to "alone" through some row on the way.
    fn augment(&mut self, costs: &[f64], start: usize, alone: f64) {
        let columns = self.column_price.len();
        self.distance.fill(f64::INFINITY);
        self.done.fill(false);
        let (mut row, mut travelled) = (start, 0.0);
        // Price of the row on the path: what it pays now, so that its own pair has reduced cost 0.
        let (mut best_alone, mut alone_row) = (f64::INFINITY, start);
        let end = loop {
            let line = &costs[row * columns..(row + 1) * columns];
            let pays = match self.row_column[row] {
                Some(own) if row != start => line[own as usize] - self.column_price[own as usize],
                _ => 0.0,
            };
            if travelled + alone - pays < best_alone {
                (best_alone, alone_row) = (travelled + alone - pays, row);
            }
            let (mut nearest, mut next) = (f64::INFINITY, None);
            for (column, cost) in line.iter().enumerate() {
                if self.done[column] {
                    continue;
                }
                let through = travelled + cost - self.column_price[column] - pays;
                if through < self.distance[column] {
                    self.distance[column] = through;
                    self.previous[column] = row as u32;
                }
                if self.distance[column] < nearest {
                    (nearest, next) = (self.distance[column], Some(column));
                }
            }
            match next {
                Some(column) if nearest < best_alone => {
                    travelled = nearest;
                    self.done[column] = true;
                    match self.column_row[column] {
                        NOBODY => break Some(column),
                        owner => row = owner as usize,
                    }
                }
                _ => {
                    travelled = best_alone;
                    break None;
                }
            }
        };
        for column in 0..columns {
            if self.done[column] {
                self.column_price[column] += self.distance[column] - travelled;
            }
        }
        // Hand columns down the path; the row that ends alone gives its column to the one before it.
        let mut column = match end {
            Some(column) => column as u32,
            None => match self.row_column[alone_row].take() {
                Some(column) => column,
                None => return,
            },
        };
        loop {
            let taker = self.previous[column as usize];
            self.column_row[column as usize] = taker;
            let given_up = self.row_column[taker as usize].replace(column);
            match given_up {
                Some(next) if taker as usize != start => column = next,
                _ => break,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Tries every pairing.
    fn cheapest(costs: &[f64], columns: usize, alone: f64, row: usize, taken: u32) -> f64 {
        if row * columns >= costs.len() {
            return 0.0;
        }
        let mut best = alone + cheapest(costs, columns, alone, row + 1, taken);
        for column in 0..columns {
            if taken & (1 << column) == 0 && costs[row * columns + column].is_finite() {
                let rest = cheapest(costs, columns, alone, row + 1, taken | 1 << column);
                best = best.min(costs[row * columns + column] + rest);
            }
        }
        best
    }

    fn total(costs: &[f64], columns: usize, alone: f64) -> f64 {
        let mut assignment = Assignment::default();
        let pairs = assignment.solve(costs, columns, alone).to_vec();
        let mut taken: Vec<u32> = pairs.iter().flatten().copied().collect();
        taken.sort_unstable();
        taken.dedup();
        assert_eq!(taken.len(), pairs.iter().flatten().count(), "a column was given twice: {pairs:?}");
        pairs
            .iter()
            .enumerate()
            .map(|(row, column)| column.map_or(alone, |column| costs[row * columns + column as usize]))
            .sum()
    }

    #[test]
    fn nobody_to_pair() {
        assert!(Assignment::default().solve(&[], 0, 1.0).is_empty());
        assert!(Assignment::default().solve(&[], 3, 1.0).is_empty());
    }

    #[test]
    fn the_greedy_choice_is_not_taken_when_it_costs_more() {
        let mut assignment = Assignment::default();
        assert_eq!(assignment.solve(&[1.0, 2.0, 1.1, 9.0], 2, 10.0), [Some(1), Some(0)]);
    }

    #[test]
    fn too_dear_stays_alone() {
        let mut assignment = Assignment::default();
        assert_eq!(assignment.solve(&[5.0, f64::INFINITY, 0.5, 5.0], 2, 1.0), [None, Some(0)]);
    }

    proptest! {
        #[test]
        fn as_cheap_as_trying_everything(
            rows in 1usize..6, columns in 1usize..6, alone in 0.1f64..1.2,
            pool in proptest::collection::vec(prop_oneof![4 => 0.0f64..1.0, 1 => Just(f64::INFINITY)], 36),
        ) {
            let costs = &pool[..rows * columns];
            let (got, best) = (total(costs, columns, alone), cheapest(costs, columns, alone, 0, 0));
            prop_assert!((got - best).abs() < 1e-9, "{got} instead of {best}");
        }
    }
}
