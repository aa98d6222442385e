//! Replies of the Redis protocol, version 2.

use std::io::{self, BufWriter, Write};

/// Writes replies into a buffer; [`flush`](Replies::flush) sends them.
pub(crate) struct Replies<W: Write> {
    out: BufWriter<W>,
}

impl<W: Write> Replies<W> {
    pub(crate) fn new(buffer: usize, out: W) -> Replies<W> {
        Replies {
            out: BufWriter::with_capacity(buffer, out),
        }
    }

    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    pub(crate) fn simple(&mut self, text: &str) -> io::Result<()> {
        self.line(b'+', text.as_bytes())
    }

    /// An error of the kind `ERR`. A line break of the client's in it would end the reply early.
    #[cold]
    pub(crate) fn error(&mut self, text: &[u8]) -> io::Result<()> {
        let mut text = [b"ERR ", text].concat();
        for byte in &mut text {
            if matches!(byte, b'\r' | b'\n') {
                *byte = b' ';
            }
        }
        self.line(b'-', &text)
    }

    pub(crate) fn integer(&mut self, number: i64) -> io::Result<()> {
        self.head(b':', number)
    }

    pub(crate) fn array(&mut self, length: usize) -> io::Result<()> {
        self.head(b'*', length as i64)
    }

    pub(crate) fn bulk(&mut self, value: &[u8]) -> io::Result<()> {
        self.head(b'$', value.len() as i64)?;
        self.out.write_all(value)?;
        self.out.write_all(b"\r\n")
    }

    pub(crate) fn bulk_or_null(&mut self, value: Option<&[u8]>) -> io::Result<()> {
        match value {
            Some(value) => self.bulk(value),
            None => self.null(),
        }
    }

    pub(crate) fn null(&mut self) -> io::Result<()> {
        self.out.write_all(b"$-1\r\n")
    }

    fn head(&mut self, mark: u8, number: i64) -> io::Result<()> {
        self.line(mark, itoa::Buffer::new().format(number).as_bytes())
    }

    fn line(&mut self, mark: u8, text: &[u8]) -> io::Result<()> {
        self.out.write_all(&[mark])?;
        self.out.write_all(text)?;
        self.out.write_all(b"\r\n")
    }
}
