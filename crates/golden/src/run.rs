//! The way through all cases of all files, one after the other.

use std::ops::ControlFlow;
use std::path::Path;

use crate::case::Case;
use crate::read::{self, Found};
use crate::sources::Source;
use crate::unreadable::Unreadable;

/// Cases of all files together.
const MAX_CASES: usize = 1_000_000;

/// What is met on the way.
#[derive(Debug)]
pub enum Step<'a> {
    /// A file begins.
    File(&'a Source),
    /// A case of it that the filter lets through.
    Case(Found),
    /// What cannot be read of it.
    Unreadable(Unreadable),
    /// It was found in a folder, and holds no cases.
    PassedOver(&'a Path),
}

/// Which cases are looked at.
#[derive(Debug, Clone, Default)]
pub struct Filter(Option<String>);

impl Filter {
    /// Those with `text` in their name or description, in any letter case; all without one.
    #[must_use]
    pub fn by(text: Option<&str>) -> Self {
        Self(text.map(str::to_lowercase))
    }

    fn lets_through(&self, case: &Case) -> bool {
        let Some(text) = &self.0 else { return true };
        [&case.name, &case.description].into_iter().any(|name| name.to_lowercase().contains(text))
    }
}

/// Calls `on_step` for everything, until it breaks off.
pub fn each<B>(
    sources: &[Source],
    filter: &Filter,
    mut on_step: impl FnMut(Step<'_>) -> ControlFlow<B>,
) -> ControlFlow<B> {
    let mut left = MAX_CASES;
    for source in sources {
        on_step(Step::File(source))?;
        let cases = match read::cases(source) {
            Ok(Some(cases)) => cases,
            Ok(None) => {
                on_step(Step::PassedOver(&source.path))?;
                continue;
            }
            Err(unreadable) => {
                on_step(Step::Unreadable(unreadable))?;
                continue;
            }
        };
        for case in cases {
            if left == 0 {
                let problem = format!("there are more than {MAX_CASES} cases; the rest is not looked at");
                return on_step(Step::Unreadable(Unreadable::file(&source.path, problem)));
            }
            left -= 1;
            match case {
                Ok(found) if filter.lets_through(&found.case) => on_step(Step::Case(found))?,
                Ok(_) => {}
                Err(unreadable) => on_step(Step::Unreadable(unreadable))?,
            }
        }
    }
    ControlFlow::Continue(())
}
