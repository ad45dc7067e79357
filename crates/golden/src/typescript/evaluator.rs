//! The state and limits of the evaluation of one file. Other modules implement the evaluation of each construct.

use std::collections::HashMap;
use std::path::PathBuf;
use std::rc::Rc;

use super::imports::Imports;
use super::limits::{BASE_COST, COST_PER_TOKEN, MAX_COST, MAX_DEPTH};
use super::module::Module;
use super::problem::Problem;
use super::source_file::SourceFile;
use super::value::Shared;

/// The location of an expression.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) module: Rc<Module>,
    /// The first token of the expression.
    pub(super) at: usize,
}

/// The definition of a name.
pub(super) enum Named {
    Value(Place),
    /// All exports of a file.
    File(Rc<Module>),
}

/// The state of a constant that has been used.
pub(super) enum Known {
    /// The evaluation has begun but not finished. If the constant is used in this state, there is a cycle.
    InProgress,
    Read(Rc<Shared>),
    Failed(Problem),
}

/// The result of loading an imported file. The outer error means that the file cannot be read. The inner error means
/// that the file cannot be parsed.
pub(super) type Loaded = Result<Result<Rc<Module>, Problem>, String>;

/// The values of parameters and constants of a function call, by name.
#[derive(Default)]
pub(super) struct Frame {
    pub(super) names: HashMap<String, Rc<Shared>>,
    /// Whether the names of the enclosing frame are visible in this frame too, as in a callback.
    pub(super) is_inner: bool,
}

/// Evaluates the cases of a file without running code. Nesting and total size of the values are limited.
pub(super) struct Evaluator<'a> {
    /// The files parsed so far; the first one contains the cases.
    pub(super) modules: Vec<Rc<Module>>,
    pub(super) imports: &'a mut dyn Imports,
    /// The imported files. The key is the path of the importing file and the import specifier.
    pub(super) loaded: HashMap<(PathBuf, String), Loaded>,
    /// The constants that have been used. The key is the file and the first token of the constant's value.
    pub(super) known: HashMap<(*const Module, usize), Known>,
    /// The current number of nested levels.
    pub(super) depth: usize,
    /// The scopes of the function calls being evaluated, the innermost last.
    pub(super) frames: Vec<Frame>,
    cost: usize,
}

impl<'a> Evaluator<'a> {
    pub(super) fn new(module: Rc<Module>, imports: &'a mut dyn Imports) -> Self {
        Self {
            modules: vec![module],
            imports,
            loaded: HashMap::new(),
            known: HashMap::new(),
            depth: 0,
            frames: Vec::new(),
            cost: 0,
        }
    }

    /// Enters one more nested level, at the token `at`.
    ///
    /// # Errors
    /// Fails if there are more than [`MAX_DEPTH`] levels.
    pub(super) fn enter(&mut self, file: &SourceFile, at: usize) -> Result<(), Problem> {
        if self.depth >= MAX_DEPTH {
            return Err(file.problem_at(at, format!("this is nested deeper than {MAX_DEPTH} levels")));
        }
        self.depth += 1;
        Ok(())
    }

    /// Adds `cost` to the total. `at` is the token to report if the limit is exceeded.
    ///
    /// # Errors
    /// Fails if the total exceeds the limit, see [`MAX_COST`].
    pub(super) fn pay(&mut self, file: &SourceFile, at: usize, cost: usize) -> Result<(), Problem> {
        self.cost = self.cost.saturating_add(cost);
        if self.is_spent() {
            return Err(file.problem_at(at, "the cases of the file are too large after repeated values are expanded"));
        }
        Ok(())
    }

    /// Returns whether the total cost exceeds the limit for files of this size.
    pub(super) fn is_spent(&self) -> bool {
        let tokens: usize = self.modules.iter().map(|module| module.token_count()).sum();
        self.cost > MAX_COST.min(BASE_COST + COST_PER_TOKEN * tokens)
    }

    /// Returns the value of a parameter or constant that is in scope in the function being evaluated.
    pub(super) fn local(&self, name: &str) -> Option<Rc<Shared>> {
        for frame in self.frames.iter().rev() {
            if let Some(shared) = frame.names.get(name) {
                return Some(shared.clone());
            }
            if !frame.is_inner {
                break;
            }
        }
        None
    }
}
