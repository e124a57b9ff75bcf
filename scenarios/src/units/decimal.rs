//! Exact decimal numbers: digits, separators, a fraction. No signs, no exponents.

use super::ValueError;

/// What is said of a text that [`Decimal::take`] does not take.
pub(super) fn no_number(text: &str) -> String {
    let is_negative = text.strip_prefix('-').is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()));
    if is_negative { format!("`{text}` is less than zero") } else { format!("`{text}` does not start with a number") }
}

/// `mantissa / 10^scale`, exactly as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Decimal {
    mantissa: u128,
    scale: u32,
}

/// More digits than any value here can use; keeps all arithmetic inside 128 bits.
const DIGITS_MAX: usize = 20;

impl Decimal {
    /// Reads the number at the start of `text` and returns it with what follows.
    ///
    /// Digits may be grouped with `_`, or in threes with `,`.
    pub(crate) fn take(text: &str) -> Result<(Self, &str), ValueError> {
        let end = text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '_' | ','))).unwrap_or(text.len());
        let (number, rest) = text.split_at(end);
        Ok((Self::parse(number)?, rest))
    }

    fn parse(number: &str) -> Result<Self, ValueError> {
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if !well_grouped(whole) || (number.contains('.') && !all_digits(fraction)) {
            let message = if number.is_empty() { "no number".to_owned() } else { format!("`{number}` is no number") };
            return Err(ValueError::new(0, message, "write digits, such as `250`, `1_000_000` or `0.5`"));
        }
        let digits: String = whole.chars().chain(fraction.chars()).filter(char::is_ascii_digit).collect();
        let significant = digits.trim_start_matches('0');
        let too_long = || ValueError::new(0, format!("`{number}` has too many digits"), "");
        if significant.len() > DIGITS_MAX || fraction.len() > DIGITS_MAX {
            return Err(too_long());
        }
        let mantissa = if significant.is_empty() { 0 } else { significant.parse().map_err(|_| too_long())? };
        Ok(Self { mantissa, scale: fraction.len() as u32 })
    }

    /// The number times `factor`, when that is a whole number that fits.
    pub(crate) fn times(self, factor: u64) -> Option<u64> {
        let product = self.mantissa.checked_mul(u128::from(factor))?;
        let divisor = 10_u128.pow(self.scale);
        if product % divisor == 0 { u64::try_from(product / divisor).ok() } else { None }
    }

    /// The nearest double.
    pub(crate) fn to_f64(self) -> f64 {
        // The standard parser rounds correctly, which a division of two doubles does not.
        format!("{}e-{}", self.mantissa, self.scale).parse().unwrap_or(f64::MAX)
    }
}

fn all_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// True for `1000`, `1_000` (anywhere between digits) and `1,000` (in threes).
fn well_grouped(whole: &str) -> bool {
    if whole.contains(',') {
        let mut groups = whole.split(',');
        let first = groups.next().unwrap_or_default();
        all_digits(first) && first.len() <= 3 && groups.all(|group| all_digits(group) && group.len() == 3)
    } else {
        whole.split('_').all(all_digits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_digits_are_read_and_stray_separators_refused() {
        for text in ["1000000", "1_000_000", "1,000,000"] {
            assert_eq!(Decimal::take(text).unwrap().0.times(1), Some(1_000_000), "{text}");
        }
        for text in ["", "_1", "1_", "1,00", "1000,000", ",1", "1.", ".5", "1.2.3", "1.2_3"] {
            assert!(Decimal::take(text).is_err(), "{text}");
        }
    }

    #[test]
    fn scaling_is_exact_or_nothing() {
        let (tenth, rest) = Decimal::take("0.1%").unwrap();
        assert_eq!((tenth.times(10), tenth.times(1), rest), (Some(1), None, "%"));
        assert_eq!(tenth.to_f64(), 0.1);
    }
}
