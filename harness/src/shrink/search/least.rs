//! Bisection: the lowest of some steps that still fails.

/// Looks for the lowest step that fails, given that something above all of them does. Where a higher step always fails if a
/// lower one does, it finds it; anyway the last step for which `fails` said so is the lowest that was seen failing.
///
/// # Errors
/// The first error of a trial.
pub fn least<S>(steps: usize, mut fails: impl FnMut(usize) -> Result<bool, S>) -> Result<(), S> {
    let (mut low, mut high) = (0, steps);
    while low < high {
        let middle = low + (high - low) / 2;
        if fails(middle)? {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Ok(())
}

/// The most trials that this takes.
pub fn trials_max(steps: usize) -> usize {
    (usize::BITS - steps.leading_zeros()) as usize
}
