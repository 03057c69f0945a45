//! Hears what happens, on a thread of its own, from whichever daemon there is.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;

use crate::Event;
use crate::limits::WATCH_MILLIS;
use crate::talk::{self, Answer, Ask, Place, VERSION};

pub struct Watch {
    begun: AtomicBool,
    ended: Arc<AtomicBool>,
    hearing: parking_lot::Mutex<Option<Hearing>>,
    /// So that the receiver never sees the end.
    _tell: UnboundedSender<Event>,
}

struct Hearing {
    place: Place,
    tell: UnboundedSender<Event>,
    ended: Arc<AtomicBool>,
    /// Volumes that wait, as was told.
    full: BTreeSet<String>,
    /// The folder, whose lock tells whether there is a holder or a daemon.
    folder: PathBuf,
    /// The process that keeps the descriptors.
    holder: Option<u32>,
}

impl Watch {
    pub fn new(folder: &Path, tell: UnboundedSender<Event>) -> io::Result<Self> {
        let ended = Arc::new(AtomicBool::new(false));
        let hearing = Hearing {
            place: Place::open(folder)?,
            tell: tell.clone(),
            ended: ended.clone(),
            full: BTreeSet::new(),
            folder: folder.to_owned(),
            holder: None,
        };
        let hearing = parking_lot::Mutex::new(Some(hearing));
        Ok(Self { begun: AtomicBool::new(false), ended, hearing, _tell: tell })
    }

    /// There is a daemon now.
    pub fn begin(&self) {
        if self.begun.swap(true, Ordering::SeqCst) {
            return;
        }
        let Some(mut hearing) = self.hearing.lock().take() else { return };
        let begun = std::thread::Builder::new().name("block-events".to_owned()).spawn(move || hearing.hear());
        if let Err(error) = begun {
            tracing::error!("events of the disks are not heard: {error}");
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
    }
}

impl Hearing {
    fn hear(&mut self) {
        let mut first = true;
        while !self.ended.load(Ordering::SeqCst) {
            match UnixStream::connect(self.place.socket()) {
                Ok(stream) => {
                    self.hear_one(&stream, first).ok();
                    first = false;
                }
                Err(_) if self.holder.is_some() && self.is_nobody_left() => {
                    self.holder = None;
                    self.say(Event::Lost);
                }
                Err(_) => {}
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Whoever serves has the lock of the folder.
    fn is_nobody_left(&self) -> bool {
        File::open(self.folder.join("holder.lock")).is_ok_and(|lock| lock.try_lock_shared().is_ok())
    }

    /// Learns which holder keeps the descriptors now. Another one has none of those from before.
    fn meet(&mut self, stream: &UnixStream) -> io::Result<()> {
        talk::write(stream, &Ask::Hello { version: VERSION }, &[])?;
        let (answer, _): (Answer, _) = talk::read(stream)?;
        let Answer::Hello(processes) = answer else { return Err(io::ErrorKind::InvalidData.into()) };
        if self.holder.replace(processes.holder).is_some_and(|before| before != processes.holder) {
            self.say(Event::Lost);
        }
        Ok(())
    }

    /// Hears one daemon, until it is gone.
    fn hear_one(&mut self, stream: &UnixStream, first: bool) -> io::Result<()> {
        stream.set_read_timeout(Some(Duration::from_millis(10 * WATCH_MILLIS)))?;
        self.meet(stream)?;
        talk::write(stream, &Ask::Watch, &[])?;
        // What is so now comes first, up to a mark.
        let mut now = BTreeSet::new();
        let mut marked = false;
        if !first {
            self.say(Event::Restarted);
        }
        while !self.ended.load(Ordering::SeqCst) {
            let (answer, _): (Answer, _) = talk::read(stream)?;
            match answer {
                Answer::Event(Event::Full { volume }) => {
                    now.insert(volume.clone());
                    if self.full.insert(volume.clone()) {
                        self.say(Event::Full { volume });
                    }
                }
                Answer::Event(Event::FullNoMore { volume }) if !self.full.contains(&volume) => {}
                Answer::Event(event) => {
                    if let Event::FullNoMore { volume } = &event {
                        self.full.remove(volume);
                    }
                    self.say(event);
                }
                _ if !marked => {
                    marked = true;
                    for volume in std::mem::take(&mut self.full) {
                        if now.contains(&volume) {
                            self.full.insert(volume);
                        } else {
                            self.say(Event::FullNoMore { volume });
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn say(&self, event: Event) {
        self.tell.send(event).ok();
    }
}
