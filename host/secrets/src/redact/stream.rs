//! Redacting what comes in pieces, one byte after another, each looked at once.
//!
//! What is passed on is everything that no spelling can begin in any more. Where spellings overlap, all that they cover
//! goes, and the placeholder of the one that begins first stands for it.

use std::fmt;
use std::sync::Arc;

use zeroize::{Zeroize, Zeroizing};

use super::{Found, Search, StateId};

/// Redacts one text that comes in pieces.
///
/// ```
/// # use external_worker_secrets::{Secret, SecretName, redact::Redactions};
/// let (name, token): (SecretName, _) = ("api".parse()?, Secret::copy_from(b"t0ken")?);
/// let mut redactor = Redactions::new([(&name, &token)])?.redactor();
/// let mut out = Vec::new();
/// redactor.push(b"you sent t0", &mut out);
/// assert_eq!(out, b"you sent ");
/// redactor.push(b"ken.", &mut out);
/// redactor.finish(&mut out);
/// assert_eq!(out, b"you sent {{secret:api}}.");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Redactor(Option<Run>);

/// A search that goes on.
struct Run {
    search: Arc<Search>,
    state: StateId,
    /// What was passed on and not removed yet, and what is held: the beginning of a spelling, perhaps.
    buffer: Zeroizing<Vec<u8>>,
    /// So many bytes of the buffer were passed on.
    passed: usize,
    /// What was found and not passed on, in order, without overlaps; counted from where what is held begins.
    spans: Vec<Span>,
    /// So many of the first bytes that are held are of something whose placeholder was passed on.
    covered: usize,
    replaced: u64,
}

#[derive(Debug, Clone, Copy)]
struct Span {
    start: usize,
    end: usize,
    secret: usize,
}

impl Redactor {
    pub(super) fn new(search: Option<Arc<Search>>) -> Self {
        Self(search.map(|search| Run {
            state: search.start,
            // It never grows, which would leave old bytes behind, and seldom moves what it has.
            buffer: Zeroizing::new(Vec::with_capacity(2 * search.longest)),
            passed: 0,
            spans: Vec::new(),
            covered: 0,
            replaced: 0,
            search,
        }))
    }

    /// Takes the next piece, and appends to `out` what can be passed on.
    pub fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        match &mut self.0 {
            None => out.extend_from_slice(piece),
            Some(run) => run.push(piece, out),
        }
    }

    /// Appends to `out` what was held back: the text has ended. The redactor can begin with another one.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        if let Some(run) = &mut self.0 {
            run.pass(run.held().len(), &[], out);
            run.covered = 0;
            run.state = run.search.start;
        }
    }

    /// How often something was replaced, in all texts so far.
    pub fn replaced(&self) -> u64 {
        self.0.as_ref().map_or(0, |run| run.replaced)
    }

    /// Bytes that are held back.
    pub fn held_bytes(&self) -> usize {
        self.0.as_ref().map_or(0, |run| run.held().len())
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor")
            .field("held_bytes", &self.held_bytes())
            .field("replaced", &self.replaced())
            .finish()
    }
}

impl Run {
    fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        let held = self.held().len();
        for (at, byte) in piece.iter().enumerate() {
            self.state = self.search.next(self.state, *byte);
            if let Some(found) = self.search.found(self.state) {
                self.found(held + at + 1, found);
            }
        }
        let depth = self.search.depth(self.state);
        let end = held + piece.len();
        self.pass(end.saturating_sub(depth), piece, out);
    }

    /// Something ends at `end`. It goes together with what it overlaps.
    fn found(&mut self, end: usize, found: Found) {
        let mut span = Span {
            start: end.saturating_sub(found.length),
            end,
            secret: found.secret,
        };
        if span.start < self.covered {
            // Its beginning is gone with another, whose placeholder stands for both.
            self.covered = end;
            self.spans.clear();
            return;
        }
        while let Some(last) = self.spans.pop_if(|last| last.end > span.start) {
            if last.start < span.start {
                span.start = last.start;
                span.secret = last.secret;
            }
        }
        self.spans.push(span);
    }

    /// Passes on what is before `safe`, which counts from the beginning of what is held with `piece` behind it, and
    /// holds the rest. What was found and reaches beyond `safe` is replaced too: if it grows, it grows behind.
    fn pass(&mut self, safe: usize, piece: &[u8], out: &mut Vec<u8>) {
        let mut from = self.covered;
        let passed = self.spans.partition_point(|span| span.start < safe);
        let spans: Vec<Span> = self.spans.drain(..passed).collect();
        for span in spans {
            self.copy(from, span.start, piece, out);
            let placeholder = self.search.placeholders.get(span.secret);
            out.extend_from_slice(placeholder.map_or(b"", |placeholder| placeholder.as_bytes()));
            self.replaced += 1;
            from = span.end;
        }
        self.copy(from, safe, piece, out);
        self.covered = from.saturating_sub(safe);
        for span in &mut self.spans {
            span.start = span.start.saturating_sub(safe);
            span.end = span.end.saturating_sub(safe);
        }
        self.hold(safe, piece);
    }

    /// Appends the bytes from `from` to `to` of what is held with `piece` behind it.
    fn copy(&self, from: usize, to: usize, piece: &[u8], out: &mut Vec<u8>) {
        let held = self.held();
        let old = held.get(from..to.min(held.len())).unwrap_or_default();
        let new = piece.get(from.saturating_sub(held.len())..to.saturating_sub(held.len()));
        out.extend_from_slice(old);
        out.extend_from_slice(new.unwrap_or_default());
    }

    fn held(&self) -> &[u8] {
        self.buffer.get(self.passed..).unwrap_or_default()
    }

    /// Holds what is not before `safe`, which is no more than the longest spelling.
    fn hold(&mut self, safe: usize, piece: &[u8]) {
        let held = self.held().len();
        let new = piece.get(safe.saturating_sub(held)..).unwrap_or_default();
        self.passed += safe.min(held);
        // By then more was passed on than has to be moved, so that moving costs no more than passing on.
        if self.buffer.len() + new.len() > self.buffer.capacity() || self.held().is_empty() {
            self.compact();
        }
        self.buffer.extend_from_slice(new);
    }

    /// Removes what was passed on.
    fn compact(&mut self) {
        let kept = self.held().len();
        self.buffer.copy_within(self.passed.., 0);
        if let Some(rest) = self.buffer.get_mut(kept..) {
            rest.zeroize();
        }
        self.buffer.truncate(kept);
        self.passed = 0;
    }
}
