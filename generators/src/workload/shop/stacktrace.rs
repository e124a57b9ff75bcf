//! Exception events with stack traces of 1 to 4 KB, in each language's own look.

use super::failure::{Failure, exception_type};
use super::operations::Operation;
use super::rng::Dice;
use super::services::Language;
use crate::model::{Attribute, Event};

/// Bounds of a trace's length in bytes; the last frame may not cross the upper one.
const LENGTH: (usize, usize) = (1_000, 4_000);

/// The event that an SDK records for an exception that left the span.
pub(super) fn exception(dice: &mut Dice, operation: &Operation, failure: &Failure, offset_ns: u64) -> Event {
    let facts = operation.service.facts();
    let kind = exception_type(facts.language, failure.cause);
    let trace = stack_trace(dice, facts.language, kind, &failure.message, facts.name);
    let attributes = vec![
        Attribute::new("exception.type", kind),
        Attribute::new("exception.message", failure.message.as_str()),
        Attribute::new("exception.stacktrace", trace),
    ];
    Event { offset_ns, name: "exception".to_owned(), attributes, dropped_attributes: 0 }
}

fn stack_trace(dice: &mut Dice, language: Language, kind: &str, message: &str, service: &str) -> String {
    let goal = dice.between(LENGTH.0, LENGTH.1 - 400);
    let mut trace = heading(language, kind, message);
    let mut depth = 0;
    while trace.len() < goal {
        let frame = frame(dice, language, service, depth);
        if trace.len() + frame.len() > LENGTH.1 {
            break;
        }
        trace.push_str(&frame);
        depth += 1;
    }
    trace
}

fn heading(language: Language, kind: &str, message: &str) -> String {
    match language {
        Language::Go => "goroutine 4711 [running]:\n".to_owned(),
        Language::Python => "Traceback (most recent call last):\n".to_owned(),
        Language::Ruby => format!("{message} ({kind})\n"),
        Language::Cpp | Language::Rust => format!("{kind}: {message}\nstack backtrace:\n"),
        _ => format!("{kind}: {message}\n"),
    }
}

/// Layers between the handler and the socket, outermost last; application frames come first.
const LAYERS: [(&str, &str); 8] = [
    ("Handler", "handle"),
    ("Service", "execute"),
    ("Client", "invoke"),
    ("RetryPolicy", "attempt"),
    ("Interceptor", "intercept"),
    ("Channel", "send"),
    ("EventLoop", "poll"),
    ("Worker", "run"),
];

fn frame(dice: &mut Dice, language: Language, service: &str, depth: usize) -> String {
    let (class, function) = if depth < 3 { LAYERS[depth] } else { dice.pick(&LAYERS) };
    let module = service.replace('-', "_");
    let line = dice.between(12, 980);
    let owner = if depth < 3 { module.as_str() } else { dice.pick(&["transport", "runtime", "middleware"]) };
    match language {
        Language::Java => format!("\tat com.example.shop.{owner}.{class}.{function}({class}.java:{line})\n"),
        Language::Dotnet => {
            format!("   at Shop.{owner}.{class}.{function}(Context context) in /src/{owner}/{class}.cs:line {line}\n")
        }
        Language::Node => {
            format!("    at async {class}.{function} (/app/node_modules/{owner}/dist/{class}.js:{line}:17)\n")
        }
        Language::Go => format!(
            "shop/{owner}.(*{class}).{function}(0xc000{:06x})\n\t/src/{owner}/{}.go:{line} +0x{:x}\n",
            dice.below(1 << 24),
            class.to_lowercase(),
            dice.between(32, 4_000)
        ),
        Language::Python => {
            format!(
                "  File \"/app/{owner}/{}.py\", line {line}, in {function}\n    return self._next(request)\n",
                class.to_lowercase()
            )
        }
        Language::Php => {
            format!("#{depth} /var/www/vendor/{owner}/src/{class}.php({line}): {class}->{function}(Object)\n")
        }
        Language::Ruby => {
            format!("\tfrom /app/lib/{owner}/{}.rb:{line}:in '{class}#{function}'\n", class.to_lowercase())
        }
        Language::Rust => format!(
            "  {depth}: {owner}::{}::{function}\n             at /src/{owner}.rs:{line}:13\n",
            class.to_lowercase()
        ),
        Language::Cpp => {
            format!("#{depth} 0x{:012x} in {owner}::{class}::{function}() {owner}.cc:{line}\n", dice.below(1 << 47))
        }
    }
}
