//! Iterates over all cases of all files.

use std::ops::ControlFlow;
use std::path::Path;

use crate::case::Case;
use crate::read::{self, Found};
use crate::sources::Source;
use crate::unreadable::Unreadable;

/// The maximum total number of cases in all files.
const MAX_CASES: usize = 1_000_000;

/// A step of the iteration.
#[derive(Debug)]
pub enum Step<'a> {
    /// A file begins.
    File(&'a Source),
    /// A case that matches the filter.
    Case(Found),
    /// A file or case that cannot be read.
    Unreadable(Unreadable),
    /// A file that was found in a folder and contains no cases.
    Skipped(&'a Path),
}

/// Selects cases.
#[derive(Debug, Clone, Default)]
pub struct Filter(Option<String>);

impl Filter {
    /// Selects the cases whose name or description contains `text`, ignoring letter case. `None` selects all cases.
    #[must_use]
    pub fn by(text: Option<&str>) -> Self {
        Self(text.map(str::to_lowercase))
    }

    fn selects(&self, case: &Case) -> bool {
        let Some(text) = &self.0 else { return true };
        [&case.name, &case.description].into_iter().any(|name| name.to_lowercase().contains(text))
    }
}

/// Calls `on_step` for each step, until it returns [`ControlFlow::Break`].
pub fn each<B>(
    sources: &[Source],
    filter: &Filter,
    mut on_step: impl FnMut(Step<'_>) -> ControlFlow<B>,
) -> ControlFlow<B> {
    let mut remaining = MAX_CASES;
    for source in sources {
        on_step(Step::File(source))?;
        let cases = match read::cases(source) {
            Ok(Some(cases)) => cases,
            Ok(None) => {
                on_step(Step::Skipped(&source.path))?;
                continue;
            }
            Err(unreadable) => {
                on_step(Step::Unreadable(unreadable))?;
                continue;
            }
        };
        for case in cases {
            if remaining == 0 {
                let problem = format!("there are more than {MAX_CASES} cases; the remaining cases are skipped");
                return on_step(Step::Unreadable(Unreadable::file(&source.path, problem)));
            }
            remaining -= 1;
            match case {
                Ok(found) if filter.selects(&found.case) => on_step(Step::Case(found))?,
                Ok(_) => {}
                Err(unreadable) => on_step(Step::Unreadable(unreadable))?,
            }
        }
    }
    ControlFlow::Continue(())
}
