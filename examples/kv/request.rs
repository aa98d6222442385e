//! Requests of the Redis protocol: an array of bulk strings, or a line of words.
//!
//! The parser pulls: it reads what it needs next and blocks when there is no more, so it is straight code without
//! states, and a client that sends a byte at a time costs a parked routine and nothing else. It asks any `BufRead`,
//! which is how the tests cut requests into pieces.
//!
//! The arguments of a request lie one after the other in a buffer that is used again for the next one: no allocation
//! per request. That buffer grows with what has arrived, never with what was announced, and stops at [`MAX_REQUEST`].

use std::borrow::Cow;
use std::io::{self, BufRead, ErrorKind};

/// Bytes of one argument. Redis: 512 MB.
const MAX_BULK: i64 = 64 << 20;
/// Bytes of all arguments of one request. Redis: 1 GB.
const MAX_REQUEST: usize = 256 << 20;
/// Arguments of one request. Redis: 2^31.
const MAX_ELEMENTS: i64 = 1 << 20;
/// Bytes of an inline request, or of the head of an array or an argument. As in Redis.
const MAX_LINE: usize = 64 << 10;
/// A buffer that grew beyond this is given back after the request.
const KEPT: usize = 64 << 10;

/// One command with its arguments.
#[derive(Default)]
pub(crate) struct Request {
    data: Vec<u8>,
    /// Where in `data` each argument ends.
    ends: Vec<usize>,
    /// A line that was cut by the end of the reader's buffer.
    line: Vec<u8>,
}

/// Why there is no further request.
#[derive(Debug)]
pub(crate) enum Unread {
    /// The connection's end or failure.
    Io(io::Error),
    /// What the client sent is no request; in Redis' words.
    Refused(Cow<'static, [u8]>),
}

impl From<io::Error> for Unread {
    fn from(error: io::Error) -> Unread {
        Unread::Io(error)
    }
}

fn refused<T>(words: &'static str) -> Result<T, Unread> {
    Err(Unread::Refused(Cow::Borrowed(words.as_bytes())))
}

impl Request {
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Argument `index`; 0 is the command's name.
    pub(crate) fn arg(&self, index: usize) -> &[u8] {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.data[start..self.ends[index]]
    }

    /// The arguments behind the name.
    pub(crate) fn args(&self) -> impl Iterator<Item = &[u8]> {
        (1..self.len()).map(|index| self.arg(index))
    }

    fn clear(&mut self) {
        self.data.clear();
        self.ends.clear();
        self.line.clear();
        self.data.shrink_to(KEPT);
        self.ends.shrink_to(KEPT / 8);
    }

    /// Reads the next request that has at least one argument.
    pub(crate) fn read<R: BufRead>(&mut self, reader: &mut R) -> Result<(), Unread> {
        self.clear();
        while self.ends.is_empty() {
            if fill(reader)?[0] == b'*' {
                reader.consume(1);
                self.read_array(reader)?;
            } else {
                self.read_inline(reader)?;
            }
        }
        Ok(())
    }

    fn read_array<R: BufRead>(&mut self, reader: &mut R) -> Result<(), Unread> {
        let announced = self.line(reader, "too big mbulk count string", |_, line| head(line))?;
        match announced {
            Some(count) if count <= MAX_ELEMENTS => {
                (0..count).try_for_each(|_| self.read_bulk(reader))
            }
            _ => refused("invalid multibulk length"),
        }
    }

    fn read_bulk<R: BufRead>(&mut self, reader: &mut R) -> Result<(), Unread> {
        let mark = fill(reader)?[0];
        if mark != b'$' {
            let words = [b"expected '$', got '", &[mark][..], b"'"].concat();
            return Err(Unread::Refused(Cow::Owned(words)));
        }
        reader.consume(1);
        let announced = self.line(reader, "too big bulk count string", |_, line| head(line))?;
        let Some(length) = announced.filter(|length| (0..=MAX_BULK).contains(length)) else {
            return refused("invalid bulk length");
        };
        let length = length as usize;
        if self.data.len() + length > MAX_REQUEST {
            return refused("too big request");
        }
        if let Some((value, b"\r\n")) = fill(reader)?
            .get(..length + 2)
            .and_then(|whole| whole.split_at_checked(length))
        {
            // Nearly all: it is there as a whole.
            self.data.extend_from_slice(value);
            self.ends.push(self.data.len());
            reader.consume(length + 2);
            return Ok(());
        }
        self.read_bytes(reader, length)?;
        for wanted in *b"\r\n" {
            if fill(reader)?[0] != wanted {
                return refused("expected CRLF after bulk");
            }
            reader.consume(1);
        }
        self.ends.push(self.data.len());
        Ok(())
    }

    fn read_bytes<R: BufRead>(&mut self, reader: &mut R, mut left: usize) -> io::Result<()> {
        while left > 0 {
            let buffered = fill(reader)?;
            let part = &buffered[..left.min(buffered.len())];
            self.data.extend_from_slice(part);
            let taken = part.len();
            reader.consume(taken);
            left -= taken;
        }
        Ok(())
    }

    /// Hands `f` the next line, without its `\n`, where it lies in the reader's buffer if it lies there in one piece.
    fn line<R: BufRead, T>(
        &mut self,
        reader: &mut R,
        too_big: &'static str,
        f: impl FnOnce(&mut Request, &[u8]) -> T,
    ) -> Result<T, Unread> {
        let buffered = fill(reader)?;
        if let Some(end) = line_end(buffered).filter(|&end| end <= MAX_LINE) {
            let result = f(self, &buffered[..end]);
            reader.consume(end + 1);
            return Ok(result);
        }
        let mut line = std::mem::take(&mut self.line);
        let read = collect_line(reader, &mut line, too_big);
        let result = read.map(|()| f(self, &line));
        line.clear();
        line.shrink_to(KEPT);
        self.line = line;
        result
    }

    fn read_inline<R: BufRead>(&mut self, reader: &mut R) -> Result<(), Unread> {
        self.line(reader, "too big inline request", Request::split)?
    }

    /// Takes the words of an inline request apart.
    fn split(&mut self, mut line: &[u8]) -> Result<(), Unread> {
        loop {
            line = line.trim_ascii_start();
            if line.is_empty() {
                return Ok(());
            }
            match self.take_word(line) {
                Some(rest) => line = rest,
                None => return refused("unbalanced quotes in request"),
            }
            self.ends.push(self.data.len());
        }
    }

    /// Appends the first word of `line` - plain, `"quoted"` with escapes, or `'quoted'` - and gives what follows it.
    fn take_word<'a>(&mut self, mut line: &'a [u8]) -> Option<&'a [u8]> {
        while let [first, rest @ ..] = line {
            if is_space(*first) {
                break;
            }
            line = rest;
            if !matches!(first, b'"' | b'\'') {
                self.data.push(*first);
                continue;
            }
            line = self.unquote(line, *first)?;
            if line.first().is_some_and(|&next| !is_space(next)) {
                return None;
            }
        }
        Some(line)
    }

    /// Appends up to the closing `mark`, and gives what follows it.
    fn unquote<'a>(&mut self, mut line: &'a [u8], mark: u8) -> Option<&'a [u8]> {
        loop {
            let (byte, rest) = match (line, mark) {
                ([b'\\', b'x', high, low, rest @ ..], b'"')
                    if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
                {
                    (hex(*high) << 4 | hex(*low), rest)
                }
                ([b'\\', escape, rest @ ..], b'"') => (escaped(*escape), rest),
                ([b'\\', b'\'', rest @ ..], b'\'') => (b'\'', rest),
                ([byte, rest @ ..], _) if *byte == mark => return Some(rest),
                ([byte, rest @ ..], _) => (*byte, rest),
                ([], _) => return None,
            };
            self.data.push(byte);
            line = rest;
        }
    }
}

/// What has arrived and was not consumed, at least one byte: the end of the input is an error here, in the middle of a
/// request as between two.
fn fill<R: BufRead>(reader: &mut R) -> io::Result<&[u8]> {
    match reader.fill_buf()? {
        [] => Err(ErrorKind::UnexpectedEof.into()),
        buffered => Ok(buffered),
    }
}

/// Heads are three or four bytes long: looking at each is faster than any search.
fn line_end(bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|&byte| byte == b'\n')
}

fn collect_line<R: BufRead>(
    reader: &mut R,
    line: &mut Vec<u8>,
    too_big: &'static str,
) -> Result<(), Unread> {
    loop {
        let buffered = fill(reader)?;
        let end = line_end(buffered);
        let part = &buffered[..end.unwrap_or(buffered.len())];
        if line.len() + part.len() > MAX_LINE {
            return refused(too_big);
        }
        line.extend_from_slice(part);
        let taken = part.len() + usize::from(end.is_some());
        reader.consume(taken);
        if end.is_some() {
            return Ok(());
        }
    }
}

fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace()
}

fn escaped(letter: u8) -> u8 {
    match letter {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 0x08,
        b'a' => 0x07,
        other => other,
    }
}

fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}

/// The number in the head of an array or an argument: all of the line but its `\r`.
fn head(line: &[u8]) -> Option<i64> {
    parse_int(line.strip_suffix(b"\r")?)
}

/// Takes the one way to write a number and no other: no plus, no leading zeros, no spaces.
pub(crate) fn parse_int(text: &[u8]) -> Option<i64> {
    let (digits, negative) = match text {
        [b'-', digits @ ..] => (digits, true),
        digits => (digits, false),
    };
    if matches!(digits, [] | [b'0', _, ..]) || (negative && digits == b"0") {
        return None;
    }
    digits.iter().try_fold(0_i64, |number, digit| {
        let digit = i64::from(digit.wrapping_sub(b'0'));
        let number = number.checked_mul(10).filter(|_| digit < 10)?;
        if negative {
            number.checked_sub(digit)
        } else {
            number.checked_add(digit)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::BufReader;

    /// The requests in `input`, as words, read through a buffer of `size` bytes.
    fn requests(input: &[u8], size: usize) -> Vec<Vec<Vec<u8>>> {
        let mut reader = BufReader::with_capacity(size, input);
        let mut request = Request::default();
        let mut found = Vec::new();
        loop {
            match request.read(&mut reader) {
                Ok(()) => found.push((0..request.len()).map(|i| request.arg(i).into()).collect()),
                Err(Unread::Io(error)) if error.kind() == ErrorKind::UnexpectedEof => return found,
                Err(other) => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn a_request_may_be_cut_anywhere() {
        let input = b"*2\r\n$3\r\nGET\r\n$5\r\na\r\nbc\r\n\r\n set  k \"a b\\x41\\n\" 'c''\r\n";
        let input = [&input[..input.len() - 3], b"\r\n*0\r\n*-1\r\nPING\n"].concat();
        let whole = requests(&input, 1 << 16);
        let words: Vec<Vec<&[u8]>> = vec![
            vec![b"GET", b"a\r\nbc"],
            vec![b"set", b"k", b"a bA\n", b"c"],
            vec![b"PING"],
        ];
        assert_eq!(whole, words);
        for size in 1..input.len() {
            assert_eq!(requests(&input, size), whole, "buffer of {size}");
        }
    }

    #[test]
    fn an_announced_length_reserves_nothing() {
        let mut request = Request::default();
        let input = b"*1000000\r\n$60000000\r\nabc";
        let result = request.read(&mut &input[..]);
        assert!(matches!(result, Err(Unread::Io(_))));
        assert!(request.data.capacity() + request.ends.capacity() * 8 < 1024);
    }

    #[test]
    fn buffers_are_given_back() {
        let mut request = Request::default();
        let value = vec![b'x'; 1 << 20];
        let input = [b"*1\r\n$1048576\r\n", &value[..], b"\r\nPING\r\n"].concat();
        let mut reader = &input[..];
        request.read(&mut reader).expect("a large one");
        assert!(request.data.capacity() >= value.len());
        request.read(&mut reader).expect("a small one");
        assert!(request.data.capacity() <= KEPT);
    }

    #[test]
    fn numbers_have_one_form() {
        let good: [(&[u8], i64); 5] = [
            (b"0", 0),
            (b"-1", -1),
            (b"64", 64),
            (b"9223372036854775807", i64::MAX),
            (b"-9223372036854775808", i64::MIN),
        ];
        for (text, number) in good {
            assert_eq!(parse_int(text), Some(number));
        }
        for text in [
            "",
            "-",
            "-0",
            "00",
            "01",
            "+1",
            " 1",
            "1 ",
            "1a",
            "a",
            "1.0",
            "0x1",
            "--1",
            "9223372036854775808",
            "-9223372036854775809",
            "99999999999999999999",
        ] {
            assert_eq!(parse_int(text.as_bytes()), None, "{text:?}");
        }
    }
}
