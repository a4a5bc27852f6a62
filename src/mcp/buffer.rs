//! Memory for bytes on their way, lent by the thread for as long as there are any: ten thousand users who think or wait
//! hold no buffers.

use std::cell::RefCell;

/// What a buffer begins with, in bytes.
const FIRST_SIZE: usize = 8 * 1024;
/// A buffer that has grown beyond this is not kept.
const LARGEST_KEPT: usize = 256 * 1024;
/// How many of each kind a thread keeps.
const MOST_KEPT: usize = 32;

thread_local! {
    static READ: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
    static WRITE: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// Bytes that were read and are not used up yet.
#[derive(Debug, Default)]
pub(super) struct ReadBuffer {
    /// Initialised all along; what counts is between `start` and `end`.
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl ReadBuffer {
    /// What is not used up yet.
    pub(super) fn unread(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Uses up the first `count` bytes.
    pub(super) fn consume(&mut self, count: usize) {
        self.start += count;
        debug_assert!(self.start <= self.end, "only what was read can be used up");
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
        }
    }

    /// Room for more, with at least `wanted` bytes in all (those unread included).
    pub(super) fn room(&mut self, wanted: usize) -> &mut [u8] {
        if self.bytes.is_empty() {
            self.bytes = READ.with_borrow_mut(Vec::pop).unwrap_or_else(|| vec![0; FIRST_SIZE]);
        }
        if self.start > 0 && self.bytes.len() - self.start < wanted.max(self.end - self.start + 1) {
            self.bytes.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.bytes.len() || self.bytes.len() < wanted {
            self.bytes.resize(wanted.max(self.bytes.len() * 2), 0);
        }
        &mut self.bytes[self.end..]
    }

    /// `count` bytes were put where [`Self::room`] said.
    pub(super) fn filled(&mut self, count: usize) {
        self.end += count;
    }

    /// Gives the memory back, if nothing is in it.
    pub(super) fn release(&mut self) {
        if self.start == self.end && !self.bytes.is_empty() {
            give(&READ, std::mem::take(&mut self.bytes));
        }
    }
}

impl Drop for ReadBuffer {
    fn drop(&mut self) {
        self.start = self.end;
        self.release();
    }
}

/// An empty buffer to write a request into.
pub(super) fn take_write() -> Vec<u8> {
    WRITE.with_borrow_mut(Vec::pop).unwrap_or_else(|| Vec::with_capacity(FIRST_SIZE))
}

/// The buffer is not needed any more.
pub(super) fn give_write(mut buffer: Vec<u8>) {
    buffer.clear();
    give(&WRITE, buffer);
}

fn give(pool: &'static std::thread::LocalKey<RefCell<Vec<Vec<u8>>>>, buffer: Vec<u8>) {
    if buffer.capacity() > LARGEST_KEPT {
        return;
    }
    // A thread that ends has no pool any more.
    let _ = pool.try_with(|pool| {
        if let Ok(mut pool) = pool.try_borrow_mut()
            && pool.len() < MOST_KEPT
        {
            pool.push(buffer);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(buffer: &mut ReadBuffer, bytes: &[u8], wanted: usize) {
        let room = buffer.room(wanted);
        room[..bytes.len()].copy_from_slice(bytes);
        buffer.filled(bytes.len());
    }

    #[test]
    fn what_is_put_in_comes_out() {
        let mut buffer = ReadBuffer::default();
        put(&mut buffer, b"hello", 1);
        buffer.consume(2);
        put(&mut buffer, b" world", 1);
        assert_eq!(buffer.unread(), b"llo world");
        let room = buffer.room(3 * FIRST_SIZE).len();
        assert!(room + buffer.unread().len() >= 3 * FIRST_SIZE, "{room}");
        assert_eq!(buffer.unread(), b"llo world");
    }

    #[test]
    fn there_is_always_room() {
        let mut buffer = ReadBuffer::default();
        for _ in 0..100 {
            let room = buffer.room(1);
            assert!(!room.is_empty());
            let taken = room.len();
            buffer.filled(taken);
            buffer.consume(taken - 1);
        }
        assert!(!buffer.unread().is_empty());
    }

    #[test]
    fn memory_is_lent_and_given_back() {
        let mut buffer = ReadBuffer::default();
        put(&mut buffer, b"x", 1);
        buffer.release();
        assert_eq!(buffer.unread(), b"x", "what is not used up stays");
        buffer.consume(1);
        let before = READ.with_borrow(Vec::len);
        buffer.release();
        assert_eq!(READ.with_borrow(Vec::len), before + 1);
        assert_eq!(buffer.bytes.capacity(), 0);
    }
}
