//! How the demo looks: numbered steps, wrapped sentences, aligned columns, colour where somebody can see it.

use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use keyfob::{Clock as _, SystemClock};

use crate::failure::Failure;

/// Columns of a line; the width of the names in front of values.
const WIDTH: usize = 80;
const NAMES: usize = 15;
const INDENT: &str = "    ";

/// What the demo is written on.
pub(crate) struct Paper {
    out: Box<dyn Write>,
    colour: bool,
    steps: u32,
    trouble: Option<io::Error>,
}

#[derive(Clone, Copy)]
enum Style {
    Strong,
    Number,
    Quiet,
}

impl Paper {
    /// Standard output, in colour if it is a terminal and `NO_COLOR` (<https://no-color.org>) does not object.
    pub(crate) fn for_stdout() -> Self {
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let out = io::stdout();
        let colour = out.is_terminal() && !no_colour;
        Self::new(Box::new(out), colour)
    }

    fn new(out: Box<dyn Write>, colour: bool) -> Self {
        Self { out, colour, steps: 0, trouble: None }
    }

    /// The title and what it is all about.
    pub(crate) fn title(&mut self, title: &str, about: &str) {
        let title = self.styled(title, Style::Strong);
        self.write(&format!("{title}\n"));
        for line in wrap(about, WIDTH) {
            self.write(&format!("{line}\n"));
        }
    }

    /// Begins the next step: its name, and the call of the library that it is about.
    pub(crate) fn step(&mut self, name: &str, call: &str) {
        self.steps += 1;
        let number = self.styled(&format!("{:>2}", self.steps), Style::Number);
        let room = (WIDTH - INDENT.len()).saturating_sub(call.chars().count() + 1);
        let name = self.styled(&format!("{name:<room$}"), Style::Strong);
        let call = self.styled(call, Style::Quiet);
        self.write(format!("\n{number}  {name} {call}").trim_end());
        self.write("\n");
    }

    /// How many steps there were.
    pub(crate) fn steps(&self) -> u32 {
        self.steps
    }

    /// A sentence or two.
    pub(crate) fn text(&mut self, text: &str) {
        for line in wrap(text, WIDTH - INDENT.len()) {
            self.write(&format!("{INDENT}{line}\n"));
        }
    }

    /// A name and its value. An empty name continues the row above.
    pub(crate) fn row(&mut self, name: &str, value: impl Display) {
        let room = WIDTH - INDENT.len() - NAMES - 1;
        let value = value.to_string();
        let fits = value.chars().count() <= room && !value.contains('\n');
        let lines = if fits { vec![value] } else { wrap(&value, room) };
        for (index, line) in lines.iter().enumerate() {
            let name = self.styled(&format!("{:<NAMES$}", if index == 0 { name } else { "" }), Style::Quiet);
            self.write(&format!("{INDENT}{name} {line}\n"));
        }
    }

    /// A line that must stay in one piece, such as a URL to copy.
    pub(crate) fn whole(&mut self, line: &str) {
        self.write(&format!("\n{line}\n\n"));
    }

    /// A picture of half blocks, drawn light on dark. A terminal of another colouring is told to, where it takes colours.
    pub(crate) fn picture(&mut self, picture: &str) {
        self.write("\n");
        for line in picture.lines() {
            let line = if self.colour { format!("\x1b[97;40m{line}\x1b[0m") } else { line.to_owned() };
            self.write(&format!("{INDENT}{line}\n"));
        }
        self.write("\n");
    }

    /// Waits for an answer on the same line.
    pub(crate) fn prompt(&mut self) {
        self.write(&format!("{INDENT}> "));
    }

    /// A text with a layout of its own.
    pub(crate) fn as_it_is(&mut self, text: &str) {
        self.write(text);
    }

    /// Says whether all of it could be written. A reader that went away early (`| head`) is no failure.
    pub(crate) fn end(self) -> Result<(), Failure> {
        match self.trouble {
            Some(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(Failure::Stage(format!("cannot write to standard output: {error}")))
            }
            _ => Ok(()),
        }
    }

    fn write(&mut self, text: &str) {
        if self.trouble.is_none() {
            self.trouble = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush()).err();
        }
    }

    fn styled(&self, text: &str, style: Style) -> String {
        let code = match style {
            Style::Strong => "1",
            Style::Number => "1;36",
            Style::Quiet => "2",
        };
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// Breaks a text into lines of at most `width` characters, between words and where it breaks by itself.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    lines
}

/// A moment as a person reads it beside a running program: `in 3.9 s (14:03:27 UTC)`.
pub(crate) fn moment(at: SystemTime) -> String {
    let now = SystemClock::new().wall();
    let distance = match at.duration_since(now) {
        Ok(ahead) => format!("in {}", span(ahead)),
        Err(behind) => format!("{} ago", span(behind.duration())),
    };
    format!("{distance} ({} UTC)", time_of_day(at))
}

/// When a token is over, or that nobody knows.
pub(crate) fn expiry(at: Option<SystemTime>) -> String {
    at.map_or_else(|| "at a time that the provider did not tell".to_owned(), moment)
}

/// `14:03:27`, in UTC.
pub(crate) fn time_of_day(at: SystemTime) -> String {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    format!("{:02}:{:02}:{:02}", since / 3600 % 24, since / 60 % 60, since % 60)
}

/// `3.9 s`, or `60 min` where tenths of a second are of no interest.
pub(crate) fn span(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds < 120.0 { format!("{seconds:.1} s") } else { format!("{:.0} min", seconds / 60.0) }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Sheet(Arc<Mutex<Vec<u8>>>);

    impl Write for Sheet {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn written(colour: bool) -> String {
        let sheet = Sheet::default();
        let mut paper = Paper::new(Box::new(sheet.clone()), colour);
        paper.step("Open", "Keyfob::open");
        paper.row("store", "here");
        paper.row("long", "value ".repeat(20));
        paper.text(&"word ".repeat(30));
        paper.row("two", "one line\nthe next");
        let bytes = sheet.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn lines_fit_and_values_stand_in_one_column() {
        let text = written(false);
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
        let lines: Vec<_> = text.lines().collect();
        assert!(lines[1].starts_with(" 1  Open ") && lines[1].ends_with(" Keyfob::open"), "{text}");
        assert_eq!(lines[2], "    store           here");
        assert!(lines[4].starts_with("                    value"), "{text}");
        assert_eq!(lines.len(), 9, "{text}");
        assert_eq!(lines[7..], ["    two             one line", "                    the next"]);
    }

    #[test]
    fn colour_changes_nothing_but_the_colour() {
        assert!(!written(false).contains('\x1b'));
        let coloured = written(true);
        assert!(coloured.contains("\x1b[1;36m 1\x1b[0m"));
        let plain =
            ["1", "2", "1;36", "0"].iter().fold(coloured, |text, code| text.replace(&format!("\x1b[{code}m"), ""));
        assert_eq!(plain, written(false));
    }

    #[test]
    fn moments_are_told_in_utc() {
        assert_eq!(time_of_day(UNIX_EPOCH + Duration::from_secs(86_400 + 14 * 3600 + 3 * 60 + 27)), "14:03:27");
        assert_eq!(span(Duration::from_millis(3_940)), "3.9 s");
        assert_eq!(span(Duration::from_millis(3_599_990)), "60 min");
    }
}
