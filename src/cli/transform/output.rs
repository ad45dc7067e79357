//! The forms in which answers are printed.

use std::sync::Arc;

use super::super::input::Frame;
use super::super::run::Part;
use super::form::Form;
use super::kcat::{self, Unfit};
use super::line::push_line;
use transform::produced::Produced;

/// What is printed of a batch, or of a part of it.
pub(super) struct Output {
    form: Form,
    topic: Option<Arc<str>>,
    text: String,
    /// Whether a response stands before, in an array.
    behind_answer: bool,
}

/// A place in what is printed.
pub(super) struct Mark {
    bytes: usize,
    behind_answer: bool,
}

impl Part for Output {
    fn bytes(&self) -> usize {
        self.text.len()
    }

    fn split(&mut self) -> Self {
        let text = std::mem::take(&mut self.text);
        Self { form: self.form, topic: self.topic.clone(), text, behind_answer: self.behind_answer }
    }
}

impl Output {
    /// For a batch; with `behind_answer` it goes on with an array that has answers already.
    pub(super) fn of(form: Form, topic: Option<Arc<str>>, behind_answer: bool) -> Self {
        Self { form, topic, text: String::new(), behind_answer }
    }

    /// What was printed.
    pub(super) fn into_text(self) -> String {
        self.text
    }

    /// The responses that follow are an array's.
    pub(super) fn array_begins(&mut self) {
        if self.form == Form::Json {
            self.text.push('[');
            self.behind_answer = false;
        }
    }

    /// They were.
    pub(super) fn array_ends(&mut self) {
        if self.form == Form::Json {
            self.text.push_str("]\n");
        }
    }

    /// How much was printed by now.
    pub(super) fn mark(&self) -> Mark {
        Mark { bytes: self.text.len(), behind_answer: self.behind_answer }
    }

    /// Takes back what was printed since.
    pub(super) fn forget_behind(&mut self, mark: Mark) {
        self.text.truncate(mark.bytes);
        self.behind_answer = mark.behind_answer;
    }

    /// Prints a response.
    ///
    /// # Errors
    /// [`Unfit`] where its key cannot be printed for kcat; nothing is printed then.
    pub(super) fn answer(&mut self, answer: &str, transformed: bool, frame: Frame) -> Result<(), Unfit> {
        if self.form == Form::Json {
            if frame == Frame::Elements && std::mem::replace(&mut self.behind_answer, true) {
                self.text.push(',');
            }
            push_line(&mut self.text, answer);
            if frame == Frame::Single {
                self.text.push('\n');
            }
            return Ok(());
        }
        let Some(payload) = transformed.then(|| Produced::of(answer)).flatten() else { return Ok(()) };
        let is_meant = |topic: &Arc<str>| payload.topic.is_some_and(|raw| raw.is_string(topic));
        if !self.topic.as_ref().is_none_or(is_meant) {
            return Ok(());
        }
        if self.form == Form::Kcat {
            return kcat::push(&mut self.text, &payload);
        }
        push_line(&mut self.text, payload.raw.text());
        self.text.push('\n');
        Ok(())
    }
}
