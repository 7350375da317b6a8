//! Who waits, in a line for each account: first comes the account that used least of late for what it weighs, and in it
//! the task that used least. So who has many instances gets no more than who has one.
//!
//! What an account used grows while its tasks wait, so it is looked at when somebody is to go, not when somebody comes.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::Instant;

use async_task::Runnable;

use super::usage::{Rank, Usage, Weight};

/// What an account weighs unless it is said.
pub const NORMAL_WEIGHT: u16 = 100;

/// Whom threads are shared with: what all tasks of somebody used of late. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Account(Arc<Usage>);

impl Account {
    /// One that gets so many hundredths of what one gets that weighs [`NORMAL_WEIGHT`], where both want all.
    pub fn weighing(weight: u16) -> Self {
        let weight = f64::from(weight.max(1));
        Self(Arc::new(Usage::counting(f64::from(NORMAL_WEIGHT) / weight)))
    }

    /// Whether it is the same one.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    pub(super) fn usage(&self) -> &Usage {
        &self.0
    }

    /// Whether nobody else has it: then nobody can come for it any more.
    fn is_left(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }
}

/// One task that waits.
pub(super) struct Waiting {
    pub rank: Rank,
    /// Those of one rank go in the order in which they came.
    pub order: u64,
    pub weight: Weight,
    pub task: Runnable,
}

impl Waiting {
    fn place(&self) -> (Rank, u64) {
        (self.rank, self.order)
    }
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.place() == other.place()
    }
}

impl Eq for Waiting {}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.place().cmp(&other.place())
    }
}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// Who goes: whose it is, and what that used until now.
pub(super) struct Next {
    pub account: Account,
    pub of_account: Weight,
    pub waiting: Waiting,
}

/// Those of one account.
struct Line {
    account: Account,
    tasks: BinaryHeap<Reverse<Waiting>>,
}

/// All of them.
#[derive(Default)]
pub(super) struct Lines {
    lines: Vec<Line>,
    waiting: usize,
}

impl Lines {
    pub fn len(&self) -> usize {
        self.waiting
    }

    pub fn push(&mut self, account: &Account, waiting: Waiting) {
        self.waiting = self.waiting.saturating_add(1);
        let mut lines = self.lines.iter_mut();
        if let Some(line) = lines.find(|line| line.account.is(account)) {
            line.tasks.push(Reverse(waiting));
            return;
        }
        self.lines
            .retain(|line| !line.tasks.is_empty() || !line.account.is_left());
        self.lines.push(Line {
            account: account.clone(),
            tasks: BinaryHeap::from([Reverse(waiting)]),
        });
    }

    pub fn pop(&mut self, now: Instant) -> Option<Next> {
        let lines = self.lines.iter_mut().filter_map(|line| {
            let first = line.tasks.peek()?.0.place();
            Some((line.account.usage().at(now), first, line))
        });
        let (of_account, _, line) =
            lines.min_by(|one, other| (one.0, one.1).cmp(&(other.0, other.1)))?;
        let Reverse(waiting) = line.tasks.pop()?;
        self.waiting = self.waiting.saturating_sub(1);
        Some(Next {
            account: line.account.clone(),
            of_account,
            waiting,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use super::*;

    const SLICE: Duration = Duration::from_millis(10);

    /// Has `spinners` use the one thread in turns, and says how many turns each account had.
    fn turns(spinners: &[(&Account, usize)], turns: usize) -> Vec<usize> {
        let start = Instant::now();
        let woken: &'static Mutex<Vec<Runnable>> = Box::leak(Box::default());
        let mut lines = Lines::default();
        let mut usages = Vec::new();
        for (account, count) in spinners {
            for _ in 0..*count {
                let usage = Usage::default();
                let (task, running) = async_task::spawn(std::future::pending::<()>(), |task| {
                    woken.lock().unwrap().push(task)
                });
                running.detach();
                wait(
                    &mut lines,
                    account,
                    usages.len() as u64,
                    &usage,
                    start,
                    start,
                    task,
                );
                usages.push(usage);
            }
        }
        let mut had = vec![0; spinners.len()];
        for turn in 0..turns {
            let begin = start + SLICE * turn as u32;
            let end = begin + SLICE;
            let next = lines.pop(begin).unwrap();
            let usage = &usages[usize::try_from(next.waiting.order).unwrap()];
            usage.add(begin, end);
            next.account.usage().add(begin, end);
            let whose = spinners
                .iter()
                .position(|(account, _)| account.is(&next.account));
            had[whose.unwrap()] += 1;
            let Waiting { order, task, .. } = next.waiting;
            wait(&mut lines, &next.account, order, usage, start, end, task);
        }
        had
    }

    fn wait(
        lines: &mut Lines,
        account: &Account,
        order: u64,
        usage: &Usage,
        start: Instant,
        now: Instant,
        task: Runnable,
    ) {
        let weight = usage.at(now);
        lines.push(
            account,
            Waiting {
                rank: weight.rank(now - start),
                order,
                weight,
                task,
            },
        );
    }

    #[test]
    fn who_has_many_that_spin_gets_no_more_than_who_has_one() {
        let (many, one) = (Account::default(), Account::default());
        let had = turns(&[(&many, 64), (&one, 1)], 1_000);
        assert!(had[0].abs_diff(had[1]) < 20, "{had:?}");
    }

    #[test]
    fn who_weighs_more_gets_more() {
        let (light, heavy) = (Account::weighing(50), Account::weighing(150));
        let had = turns(&[(&light, 8), (&heavy, 2)], 1_000);
        assert!(had[1].abs_diff(750) < 50, "{had:?}");
    }

    #[test]
    fn lines_of_those_who_left_are_not_kept() {
        let mut lines = Lines::default();
        let now = Instant::now();
        let (task, running) = async_task::spawn(async {}, drop);
        running.detach();
        let gone = Account::default();
        wait(&mut lines, &gone, 0, &Usage::default(), now, now, task);
        drop(gone);
        let next = lines.pop(now).unwrap();
        let task = next.waiting.task;
        drop(next.account);
        assert_eq!((lines.len(), lines.lines.len()), (0, 1));
        let here = Account::default();
        wait(&mut lines, &here, 1, &Usage::default(), now, now, task);
        assert_eq!((lines.len(), lines.lines.len()), (1, 1));
        assert!(lines.lines[0].account.is(&here));
    }
}
