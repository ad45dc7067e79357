//! Name resolution. A name refers to a constant of the file or of a file that it imports. Each constant is evaluated
//! once.

use std::rc::Rc;

use super::evaluator::{Evaluator, Known, Loaded, Named, Place};
use super::limits::MAX_FILES;
use super::module::Module;
use super::problem::Problem;
use super::statements::{Export, Source};
use super::value::Shared;

/// The maximum number of re-exports that one name may pass through.
const MAX_HOPS: usize = 1000;

impl Evaluator<'_> {
    /// Resolves the name at the token `at`.
    pub(super) fn named(&mut self, module: &Rc<Module>, at: usize) -> Result<Named, Problem> {
        let name = module.word(at);
        let missing = || module.problem_at(at, format!("`{}` is not defined in this file", module.truncated(at)));
        if let Some(source) = module.statements.imports.get(name) {
            let Source { specifier, name } = source.clone();
            let from = self.load(module, &specifier).map_err(|why| {
                let name = module.truncated(at);
                let what = format!("`{name}` is imported from {specifier:.80?}, which cannot be read: {why}");
                module.problem_at(at, what)
            })??;
            let Some(name) = name else { return Ok(Named::File(from)) };
            return self.exported(&from, &name)?.map(Named::Value).ok_or_else(|| {
                let name = module.truncated(at);
                module.problem_at(at, format!("`{name}` is imported from {specifier:.80?}, which does not export it"))
            });
        }
        local_of(module, name)?.map(Named::Value).ok_or_else(missing)
    }

    /// Returns the value of a constant, which is evaluated once. `module` and `at` locate the name that refers to the
    /// constant.
    pub(super) fn shared(&mut self, module: &Module, at: usize, place: &Place) -> Result<Rc<Shared>, Problem> {
        let key = (Rc::as_ptr(&place.module), place.at);
        match self.known.get(&key) {
            Some(Known::Read(shared)) => return Ok(shared.clone()),
            Some(Known::Failed(problem)) => return Err(problem.clone()),
            Some(Known::InProgress) => {
                return Err(module.problem_at(at, format!("`{}` refers to itself", module.truncated(at))));
            }
            None => {}
        }
        self.known.insert(key, Known::InProgress);
        let depth = self.depth;
        // A top-level constant does not see the names of the function that uses it.
        let outside = std::mem::take(&mut self.frames);
        let read = self.expression(&place.module, place.at);
        self.frames = outside;
        self.depth = depth;
        match read {
            Ok((value, _)) => {
                let shared = Rc::new(Shared::new(value));
                self.known.insert(key, Known::Read(shared.clone()));
                Ok(shared)
            }
            Err(problem) => {
                self.known.insert(key, Known::Failed(problem.clone()));
                Err(problem)
            }
        }
    }

    /// Finds the value that a file exports under a name.
    pub(super) fn exported(&mut self, module: &Rc<Module>, name: &str) -> Result<Option<Place>, Problem> {
        self.exported_unless_seen(module, name, &mut Vec::new())
    }

    /// Like [`Self::exported`], but skips re-exports that have already been followed.
    fn exported_unless_seen(
        &mut self,
        module: &Rc<Module>,
        name: &str,
        seen: &mut Vec<(*const Module, String)>,
    ) -> Result<Option<Place>, Problem> {
        let here = (Rc::as_ptr(module), name.to_owned());
        if seen.contains(&here) || seen.len() > MAX_HOPS {
            return Ok(None);
        }
        seen.push(here);
        let source = match module.statements.exports.get(name) {
            Some(Export::Value(at)) => return Ok(Some(Place { module: module.clone(), at: *at })),
            Some(Export::Local(local)) => match module.statements.imports.get(local) {
                Some(source) => source,
                None => return local_of(module, local),
            },
            Some(Export::From(source)) => source,
            None => {
                for specifier in &module.statements.stars {
                    let Ok(from) = self.load(module, specifier) else { continue };
                    if let Some(place) = self.exported_unless_seen(&from?, name, seen)? {
                        return Ok(Some(place));
                    }
                }
                return Ok(None);
            }
        };
        let from = self.load(module, &source.specifier);
        let from = from.map_err(|why| {
            let what = format!("the file re-exports from {:.80?}, which cannot be read: {why}", source.specifier);
            module.problem(0, what)
        })??;
        match &source.name {
            Some(name) => self.exported_unless_seen(&from, name, seen),
            None => Ok(None),
        }
    }

    /// Loads a file that `module` imports. Each file is loaded once.
    fn load(&mut self, module: &Module, specifier: &str) -> Loaded {
        let key = (module.path.clone(), specifier.to_owned());
        if let Some(loaded) = self.loaded.get(&key) {
            return loaded.clone();
        }
        let loaded = self.load_now(module, specifier);
        self.loaded.insert(key, loaded.clone());
        loaded
    }

    fn load_now(&mut self, module: &Module, specifier: &str) -> Loaded {
        let (path, text) = self.imports.text(&module.path, specifier)?;
        if let Some(known) = self.modules.iter().find(|known| known.path == path) {
            return Ok(Ok(known.clone()));
        }
        if self.modules.len() > MAX_FILES {
            return Err(format!("more than {MAX_FILES} files are imported"));
        }
        Ok(Module::parse(path, &text).inspect(|module| self.modules.push(module.clone())))
    }
}

/// Finds a top-level constant of a file.
fn local_of(module: &Rc<Module>, name: &str) -> Result<Option<Place>, Problem> {
    let Some(constant) = module.statements.constants.get(name) else { return Ok(None) };
    if let Some(changed) = constant.changed {
        let name = module.truncated(changed);
        return Err(
            module.problem_at(changed, format!("code in the file uses or changes `{name}`, but is not executed"))
        );
    }
    Ok(Some(Place { module: module.clone(), at: constant.value }))
}
