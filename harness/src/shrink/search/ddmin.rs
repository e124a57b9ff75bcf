//! Delta debugging: from a list that fails to one of which nothing can be left out.
//!
//! The algorithm is ddmin of Andreas Zeller and Ralf Hildebrandt, "Simplifying and Isolating Failure-Inducing Input" (IEEE
//! Transactions on Software Engineering 28(2), 2002), with three changes, after which its promise still holds. Nothing at all
//! is tried first, since many failures need no fault. Of more than two parts only what is left without each is tried, and not
//! each alone: leaving out comes to the same, with fewer trials (Renáta Hodován and Ákos Kiss, "Practical Improvements to the
//! Minimizing Delta Debugging Algorithm", ICSOFT 2016). What did not fail is not tried twice.

use std::collections::BTreeSet;

/// Makes `kept`, which fails, as small as it can be: nothing single can be left out of what remains. It only ever becomes a list
/// that was seen failing, also where a trial ends the search.
///
/// # Errors
/// The first error of a trial.
pub fn ddmin<S>(kept: &mut Vec<usize>, fails: impl FnMut(&[usize]) -> Result<bool, S>) -> Result<(), S> {
    let mut tried = Tried { fails, held: BTreeSet::new() };
    if !kept.is_empty() && tried.fails(&[])? {
        kept.clear();
    }
    let (mut parts, mut first) = (2, 0);
    while kept.len() >= 2 {
        match tried.without_a_part(kept, parts, first)? {
            Some(part) => {
                *kept = without(kept, parts, part);
                parts = (parts - 1).max(2);
                // The parts before have just been tried; those behind have not.
                first = part % parts;
            }
            None if parts >= kept.len() => break,
            None => (parts, first) = ((parts * 2).min(kept.len()), 0),
        }
    }
    Ok(())
}

/// Trials, and which lists did not fail.
struct Tried<F> {
    fails: F,
    held: BTreeSet<Vec<usize>>,
}

impl<S, F: FnMut(&[usize]) -> Result<bool, S>> Tried<F> {
    fn fails(&mut self, list: &[usize]) -> Result<bool, S> {
        if self.held.contains(list) {
            return Ok(false);
        }
        let fails = (self.fails)(list)?;
        if !fails {
            self.held.insert(list.to_vec());
        }
        Ok(fails)
    }

    /// A part without which the list still fails, looked for from `first` on and around.
    fn without_a_part(&mut self, list: &[usize], parts: usize, first: usize) -> Result<Option<usize>, S> {
        for part in (first..parts).chain(0..first) {
            if self.fails(&without(list, parts, part))? {
                return Ok(Some(part));
            }
        }
        Ok(None)
    }
}

/// The list without one of so many parts, which are as equal as can be.
fn without(list: &[usize], parts: usize, part: usize) -> Vec<usize> {
    let bound = |part: usize| list.len() * part / parts;
    [&list[..bound(part)], &list[bound(part + 1)..]].concat()
}
