//! The commands: a table of names, numbers of arguments and functions.
//!
//! The words of the errors are those of Redis 7.0, byte for byte: clients look at them.

use std::io;

use crate::connection::Connection;
use crate::glob;
use crate::request::{Request, parse_int};
use crate::store::{AddError, Bytes, Condition, Millis};

struct Command {
    name: &'static str,
    /// With the name; negative: at least so many.
    arity: isize,
    run: fn(&mut Connection, &Request) -> io::Result<()>,
}

const fn command(
    name: &'static str,
    arity: isize,
    run: fn(&mut Connection, &Request) -> io::Result<()>,
) -> Command {
    Command { name, arity, run }
}

// Searched from the front: twenty comparisons of short names cost less than any hash of one, and nothing for the first.
static COMMANDS: [Command; 19] = [
    command("get", 2, get),
    command("set", -3, set),
    command("incr", 2, |c, r| add(c, r, 1)),
    command("decr", 2, |c, r| add(c, r, -1)),
    command("mget", -2, mget),
    command("mset", -3, mset),
    command("del", -2, del),
    command("exists", -2, exists),
    command("expire", 3, expire),
    command("ttl", 2, ttl),
    command("ping", -1, ping),
    command("echo", 2, |c, r| c.replies.bulk(r.arg(1))),
    command("keys", 2, keys),
    command("dbsize", 1, dbsize),
    command("flushall", -1, flushall),
    command("info", -1, info),
    command("config", -2, config),
    command("command", -1, command_info),
    command("quit", -1, quit),
];

const NOT_AN_INTEGER: &[u8] = b"value is not an integer or out of range";
const SYNTAX_ERROR: &[u8] = b"syntax error";

/// Executes `request` and writes its reply.
pub(crate) fn execute(connection: &mut Connection, request: &Request) -> io::Result<()> {
    let name = request.arg(0);
    let found = COMMANDS
        .iter()
        .find(|command| command.name.as_bytes().eq_ignore_ascii_case(name));
    let Some(command) = found else {
        return unknown(connection, request);
    };
    let given = request.len() as isize;
    if given == command.arity || (command.arity < 0 && given >= -command.arity) {
        (command.run)(connection, request)
    } else {
        wrong_number(connection, command.name)
    }
}

#[cold]
fn wrong_number(connection: &mut Connection, name: &str) -> io::Result<()> {
    let text = format!("wrong number of arguments for '{name}' command");
    connection.replies.error(text.as_bytes())
}

/// Redis shows 128 bytes of the name and about as many of the arguments.
#[cold]
fn unknown(connection: &mut Connection, request: &Request) -> io::Result<()> {
    const SHOWN: usize = 128;
    let mut text = b"unknown command '".to_vec();
    text.extend(request.arg(0).iter().take(SHOWN));
    text.extend(b"', with args beginning with: ");
    let start = text.len();
    for arg in request.args() {
        let left = SHOWN.saturating_sub(text.len() - start);
        if left == 0 {
            break;
        }
        text.push(b'\'');
        text.extend(arg.iter().take(left));
        text.extend(b"' ");
    }
    connection.replies.error(&text)
}

#[cold]
fn unknown_subcommand(connection: &mut Connection, request: &Request) -> io::Result<()> {
    let help = request.arg(0).to_ascii_uppercase();
    let words = [
        b"unknown subcommand '",
        request.arg(1),
        b"'. Try ",
        &help,
        b" HELP.",
    ];
    connection.replies.error(&words.concat())
}

fn ping(connection: &mut Connection, request: &Request) -> io::Result<()> {
    match request.len() {
        1 => connection.replies.simple("PONG"),
        2 => connection.replies.bulk(request.arg(1)),
        _ => wrong_number(connection, "ping"),
    }
}

fn get(connection: &mut Connection, request: &Request) -> io::Result<()> {
    let value = connection.server.store.get(request.arg(1));
    connection.replies.bulk_or_null(value.as_deref())
}

fn set(connection: &mut Connection, request: &Request) -> io::Result<()> {
    // The plain form, which nearly all are.
    let (mut condition, mut deadline) = (Condition::Always, None);
    if request.len() > 3 {
        match set_options(connection, request) {
            Ok(options) => (condition, deadline) = options,
            Err(words) => return connection.replies.error(words),
        }
    }
    let store = &connection.server.store;
    if store.set(request.arg(1), request.arg(2), deadline, condition) {
        connection.replies.simple("OK")
    } else {
        connection.replies.null()
    }
}

/// What stands behind the value, or the words of the error.
fn set_options(
    connection: &Connection,
    request: &Request,
) -> Result<(Condition, Option<Millis>), &'static [u8]> {
    let mut condition = Condition::Always;
    let mut expiry: Option<(u8, &[u8])> = None;
    let mut options = request.args().skip(2);
    while let Some(option) = options.next() {
        let unit = option.first().map_or(0, u8::to_ascii_lowercase);
        if option.eq_ignore_ascii_case(b"nx") && condition != Condition::Old {
            condition = Condition::New;
        } else if option.eq_ignore_ascii_case(b"xx") && condition != Condition::New {
            condition = Condition::Old;
        } else if (option.eq_ignore_ascii_case(b"ex") || option.eq_ignore_ascii_case(b"px"))
            && expiry.is_none_or(|(before, _)| before == unit)
        {
            expiry = Some((unit, options.next().ok_or(SYNTAX_ERROR)?));
        } else {
            return Err(SYNTAX_ERROR);
        }
    }
    let Some((unit, number)) = expiry else {
        return Ok((condition, None));
    };
    let number = parse_int(number).ok_or(NOT_AN_INTEGER)?;
    let unit = if unit == b'e' { 1000 } else { 1 };
    let deadline = deadline_in(connection, number, unit).filter(|_| number > 0);
    match deadline {
        Some(deadline) => Ok((condition, Some(deadline))),
        None => Err(b"invalid expire time in 'set' command"),
    }
}

/// The time `number` units of so many milliseconds from now, if there is such a time.
fn deadline_in(connection: &Connection, number: i64, unit: i64) -> Option<Millis> {
    number
        .checked_mul(unit)?
        .checked_add(connection.server.store.now())
}

fn mget(connection: &mut Connection, request: &Request) -> io::Result<()> {
    let values = connection.server.store.get_all(request.args());
    connection.replies.array(values.len())?;
    values
        .iter()
        .try_for_each(|value| connection.replies.bulk_or_null(value.as_deref()))
}

fn mset(connection: &mut Connection, request: &Request) -> io::Result<()> {
    if request.len() % 2 != 1 {
        return wrong_number(connection, "mset");
    }
    let pairs = (1..request.len())
        .step_by(2)
        .map(|index| (request.arg(index), Bytes::from(request.arg(index + 1))))
        .collect();
    connection.server.store.set_all(pairs);
    connection.replies.simple("OK")
}

fn del(connection: &mut Connection, request: &Request) -> io::Result<()> {
    let removed = connection.server.store.remove(request.args());
    connection.replies.integer(removed as i64)
}

fn exists(connection: &mut Connection, request: &Request) -> io::Result<()> {
    let count = connection.server.store.count(request.args());
    connection.replies.integer(count as i64)
}

fn add(connection: &mut Connection, request: &Request, delta: i64) -> io::Result<()> {
    match connection.server.store.add(request.arg(1), delta) {
        Ok(sum) => connection.replies.integer(sum),
        Err(AddError::NotAnInteger) => connection.replies.error(NOT_AN_INTEGER),
        Err(AddError::Overflow) => connection
            .replies
            .error(b"increment or decrement would overflow"),
    }
}

fn expire(connection: &mut Connection, request: &Request) -> io::Result<()> {
    let Some(seconds) = parse_int(request.arg(2)) else {
        return connection.replies.error(NOT_AN_INTEGER);
    };
    let Some(deadline) = deadline_in(connection, seconds, 1000) else {
        return connection
            .replies
            .error(b"invalid expire time in 'expire' command");
    };
    let exists = connection.server.store.expire(request.arg(1), deadline);
    connection.replies.integer(exists.into())
}

fn ttl(connection: &mut Connection, request: &Request) -> io::Result<()> {
    let store = &connection.server.store;
    let seconds = match store.deadline(request.arg(1)) {
        None => -2,
        Some(None) => -1,
        Some(Some(deadline)) => (deadline - store.now() + 500) / 1000,
    };
    connection.replies.integer(seconds)
}

/// Longest pattern of KEYS: matching takes up to its length times the keys', and holds everybody up.
const PATTERN: usize = 1024;

fn keys(connection: &mut Connection, request: &Request) -> io::Result<()> {
    if request.arg(1).len() > PATTERN {
        return connection.replies.error(b"pattern is too long");
    }
    let keys = connection.server.store.keys(request.arg(1));
    connection.replies.array(keys.len())?;
    keys.iter().try_for_each(|key| connection.replies.bulk(key))
}

fn dbsize(connection: &mut Connection, _request: &Request) -> io::Result<()> {
    let (keys, _) = connection.server.store.sizes();
    connection.replies.integer(keys as i64)
}

fn flushall(connection: &mut Connection, request: &Request) -> io::Result<()> {
    let is_option =
        |arg: &[u8]| arg.eq_ignore_ascii_case(b"async") || arg.eq_ignore_ascii_case(b"sync");
    if request.len() > 2 || !request.args().all(is_option) {
        return connection.replies.error(SYNTAX_ERROR);
    }
    connection.server.store.clear();
    connection.replies.simple("OK")
}

fn info(connection: &mut Connection, request: &Request) -> io::Result<()> {
    let server = &connection.server;
    let (keys, expiries) = server.store.sizes();
    let keyspace = match keys {
        0 => String::new(),
        _ => format!("db0:keys={keys},expires={expiries}\r\n"),
    };
    let sections = [
        ("Server", server.describe()),
        (
            "Clients",
            format!("connected_clients:{}\r\n", server.connected()),
        ),
        (
            "Stats",
            format!("total_commands_processed:{}\r\n", connection.served()),
        ),
        ("Keyspace", keyspace),
    ];
    let wanted = |name: &str| {
        request.len() == 1
            || request.args().any(|arg| {
                [name, "all", "default", "everything"]
                    .iter()
                    .any(|section| arg.eq_ignore_ascii_case(section.as_bytes()))
            })
    };
    let text: Vec<String> = sections
        .iter()
        .filter(|(name, _)| wanted(name))
        .map(|(name, lines)| format!("# {name}\r\n{lines}"))
        .collect();
    connection.replies.bulk(text.join("\r\n").as_bytes())
}

/// Answers what redis-benchmark asks: how the server keeps its data.
fn config(connection: &mut Connection, request: &Request) -> io::Result<()> {
    if !request.arg(1).eq_ignore_ascii_case(b"get") {
        return unknown_subcommand(connection, request);
    }
    if request.len() < 3 {
        return wrong_number(connection, "config|get");
    }
    let matches = |name: &str| {
        request
            .args()
            .skip(1)
            .any(|pattern| glob::matches(&pattern.to_ascii_lowercase(), name.as_bytes()))
    };
    let pairs: Vec<_> = [("save", ""), ("appendonly", "no")]
        .into_iter()
        .filter(|(name, _)| matches(name))
        .collect();
    connection.replies.array(2 * pairs.len())?;
    for (name, value) in pairs {
        connection.replies.bulk(name.as_bytes())?;
        connection.replies.bulk(value.as_bytes())?;
    }
    Ok(())
}

/// Answers what redis-cli asks for its help: nothing, so that it goes without.
fn command_info(connection: &mut Connection, request: &Request) -> io::Result<()> {
    let is = |name: &[u8]| request.arg(1).eq_ignore_ascii_case(name);
    if request.len() == 1 || is(b"docs") || is(b"info") {
        connection.replies.array(0)
    } else if is(b"count") {
        connection.replies.integer(COMMANDS.len() as i64)
    } else {
        unknown_subcommand(connection, request)
    }
}

fn quit(connection: &mut Connection, _request: &Request) -> io::Result<()> {
    connection.quit = true;
    connection.replies.simple("OK")
}
