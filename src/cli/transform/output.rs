//! Formats responses for printing.

use std::sync::Arc;

use super::super::input::Frame;
use super::super::run::Part;
use super::form::Form;
use super::kcat::{self, Unfit};
use super::line::push_line;
use transform::produced::Produced;

/// The output for a batch or for a part of it.
pub(super) struct Output {
    form: Form,
    topic: Option<Arc<str>>,
    text: String,
    /// Whether the current array already contains a response.
    after_response: bool,
}

/// A position in the output.
pub(super) struct Mark {
    bytes: usize,
    after_response: bool,
}

impl Part for Output {
    fn bytes(&self) -> usize {
        self.text.len()
    }

    fn split(&mut self) -> Self {
        let text = std::mem::take(&mut self.text);
        Self { form: self.form, topic: self.topic.clone(), text, after_response: self.after_response }
    }
}

impl Output {
    /// Creates the output for a batch. If `after_response` is true, this output continues an array that already
    /// contains a response.
    pub(super) fn of(form: Form, topic: Option<Arc<str>>, after_response: bool) -> Self {
        Self { form, topic, text: String::new(), after_response }
    }

    /// Returns the text to print.
    pub(super) fn into_text(self) -> String {
        self.text
    }

    /// Begins an array of responses.
    pub(super) fn array_begins(&mut self) {
        if self.form == Form::Json {
            self.text.push('[');
            self.after_response = false;
        }
    }

    /// Ends the array of responses.
    pub(super) fn array_ends(&mut self) {
        if self.form == Form::Json {
            self.text.push_str("]\n");
        }
    }

    /// Marks the current end of the output.
    pub(super) fn mark(&self) -> Mark {
        Mark { bytes: self.text.len(), after_response: self.after_response }
    }

    /// Removes the output after the mark.
    pub(super) fn truncate_to(&mut self, mark: Mark) {
        self.text.truncate(mark.bytes);
        self.after_response = mark.after_response;
    }

    /// Prints a response.
    ///
    /// # Errors
    /// Returns [`Unfit`], and prints nothing, if the key contains a delimiter of kcat.
    pub(super) fn answer(&mut self, answer: &str, transformed: bool, frame: Frame) -> Result<(), Unfit> {
        if self.form == Form::Json {
            if frame == Frame::Elements && std::mem::replace(&mut self.after_response, true) {
                self.text.push(',');
            }
            push_line(&mut self.text, answer);
            if frame == Frame::Single {
                self.text.push('\n');
            }
            return Ok(());
        }
        let Some(payload) = transformed.then(|| Produced::of(answer)).flatten() else { return Ok(()) };
        let is_selected = |topic: &Arc<str>| payload.topic.is_some_and(|raw| raw.is_string(topic));
        if !self.topic.as_ref().is_none_or(is_selected) {
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
