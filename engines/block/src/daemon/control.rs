//! What clients ask of the daemon.

use std::fs;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use super::Daemon;
use super::bucket::Bucket;
use super::served::Served;
use super::slots::Facts;
use super::work::Worked;
use crate::kernel::process;
use crate::limits::WATCH_MILLIS;
use crate::store::{Key, SnapshotState, UploadSpec, Volume, VolumeSpec};
use crate::talk::{self, Answer, Ask, VERSION};
use crate::{BlockError, Device, Event, Pace, Processes, SnapshotSpec};

type Answered = Result<(Answer, Vec<u8>), BlockError>;

impl Daemon {
    /// Answers until the other side has no more questions.
    pub fn converse(self: &Arc<Self>, stream: &UnixStream) -> std::io::Result<()> {
        loop {
            let (ask, body): (Ask, _) = talk::read(stream)?;
            if matches!(ask, Ask::Watch) {
                return self.tell_events(stream);
            }
            if matches!(ask, Ask::Stop) {
                match self.stop() {
                    Ok(()) => {
                        talk::write(stream, &Answer::Done, &[])?;
                        process::leave(0);
                    }
                    Err(error) => talk::write(stream, &Answer::Failed(error), &[])?,
                }
                continue;
            }
            let stopping = self.stopping.read();
            if *stopping {
                // The next daemon answers.
                return Ok(());
            }
            let answered = self.answer(ask, &body);
            drop(stopping);
            match answered {
                Ok((answer, body)) => talk::write(stream, &answer, &body)?,
                Err(error) => talk::write(stream, &Answer::Failed(error), &[])?,
            }
        }
    }

    fn tell_events(&self, stream: &UnixStream) -> std::io::Result<()> {
        let (mut number, events) = self.events.begin();
        for event in events {
            talk::write(stream, &Answer::Event(event), &[])?;
        }
        talk::write(stream, &Answer::Done, &[])?;
        loop {
            let (next, events) = self.events.after(number, Duration::from_millis(WATCH_MILLIS));
            number = next;
            if events.is_empty() {
                // Finds out whether anybody listens.
                talk::write(stream, &Answer::Done, &[])?;
            }
            for event in events {
                talk::write(stream, &Answer::Event(event), &[])?;
            }
        }
    }

    fn answer(self: &Arc<Self>, ask: Ask, body: &[u8]) -> Answered {
        let answer = match ask {
            Ask::Hello { version } if version == VERSION => {
                Answer::Hello(Processes { holder: process::parent(), daemon: process::id() })
            }
            Ask::Hello { version } => {
                let text = format!("the volumes are served by another version ({VERSION}, not {version})");
                return Err(BlockError::Failed(text));
            }
            Ask::Serve { volume, key, pace } => Answer::Device(self.serve(&volume, key, pace)?),
            Ask::Unserve { volume, force } => done(self.unserve(&volume, force))?,
            Ask::SetPace { volume, pace } => match self.find(&volume) {
                Some(served) => done(served.set_pace(pace))?,
                None => return Err(BlockError::Absent(volume)),
            },
            Ask::Grow { volume, bytes } => done(self.grow(&volume, bytes))?,
            Ask::Served => {
                let served = self.served.lock().clone();
                let devices = served.into_iter().filter_map(|(id, one)| Some((id, one.device().ok()?)));
                Answer::Served(devices.collect())
            }
            Ask::Snapshot(specs) => done(self.snapshot(&specs))?,
            other => return self.answer_from_store(other, body),
        };
        Ok((answer, Vec::new()))
    }

    /// What does not concern devices.
    fn answer_from_store(&self, ask: Ask, body: &[u8]) -> Answered {
        let store = &self.store;
        let answer = match ask {
            Ask::Create { id, bytes, zone, key, snapshot } => {
                store.create_volume(&VolumeSpec { id, bytes, zone, key, snapshot })?;
                Answer::Done
            }
            Ask::Remove { volume } => {
                let lock = self.lock_of(&volume);
                let _guard = lock.lock();
                if self.find(&volume).is_some() {
                    return Err(BlockError::Busy(volume));
                }
                store.remove_volume(&volume)?;
                Answer::Done
            }
            Ask::SnapshotState { snapshot } => match store.snapshot_state(&snapshot)? {
                SnapshotState::Absent => Answer::State(self.copying.state_of(&snapshot).into()),
                state => Answer::State(state.into()),
            },
            Ask::CopySnapshot { source, source_key, copy, copy_key } => {
                if matches!(store.snapshot_state(&source)?, SnapshotState::Absent) {
                    return Err(BlockError::Absent(source));
                }
                self.copying.add_copy(source, source_key, &copy, copy_key);
                Answer::Done
            }
            Ask::RemoveSnapshot { snapshot } => {
                store.remove_snapshot(&snapshot)?;
                self.copying.forget(&snapshot);
                Answer::Done
            }
            Ask::StartUpload { id, volume_bytes, key, parent } => {
                store.start_upload(&UploadSpec { id, volume_bytes, key, parent })?;
                Answer::Done
            }
            Ask::PutBlock { snapshot, key, block } => {
                store.put_block(&snapshot, key.as_ref(), block, body)?;
                Answer::Done
            }
            Ask::CompleteUpload { snapshot } => {
                store.complete_upload(&snapshot)?;
                self.events.tell(Event::Settled { snapshot });
                Answer::Done
            }
            Ask::Block { snapshot, key, block } => {
                let found = store.block(&snapshot, key.as_ref(), block)?;
                return Ok((Answer::Block(found.is_some()), found.unwrap_or_default()));
            }
            Ask::Blocks { snapshot, from, limit } => {
                Answer::Blocks(store.blocks(&snapshot, from, usize::try_from(limit).unwrap_or(usize::MAX))?)
            }
            Ask::Kept => {
                let (volumes, snapshots) = store.kept()?;
                Answer::Kept(volumes, snapshots)
            }
            Ask::Verify => {
                let found = store.verify(&mut |_, _| {})?;
                for (snapshot, block) in &found.damaged {
                    self.events.tell(Event::Rot { snapshot: snapshot.clone(), block: *block });
                }
                Answer::Verified {
                    volumes: found.volumes,
                    snapshots: found.snapshots,
                    blocks: found.blocks,
                    damaged: found.damaged,
                    broken: found.broken,
                }
            }
            _ => return Err(BlockError::Failed("not a question about what is kept".to_owned())),
        };
        Ok((answer, Vec::new()))
    }

    fn serve(&self, volume: &str, key: Option<Key>, pace: Option<Pace>) -> Result<Device, BlockError> {
        let lock = self.lock_of(volume);
        let _guard = lock.lock();
        if let Some(served) = self.find(volume) {
            if served.facts().pace != pace {
                served.set_pace(pace)?;
            }
            return served.device();
        }
        let missing = crate::probe();
        if !missing.is_empty() {
            return Err(BlockError::Lacking(missing.join("; ")));
        }
        let opened = self.open_volume(volume, key.as_ref())?;
        let time = fs::read_to_string("/proc/sys/kernel/random/uuid")
            .map_err(|error| BlockError::io("a name for a device", error))?
            .chars()
            .take(8)
            .collect();
        let facts = Facts { volume: volume.to_owned(), key, pace, time };
        let worked = Worked::new(volume, Bucket::new(pace), Some(opened), self.events.clone());
        let path = self.path_of(&facts);
        let served = Served::begin(worked, facts, path, &self.holder)?;
        let device = served.device()?;
        self.served.lock().insert(volume.to_owned(), served);
        Ok(device)
    }

    /// Opens a volume; snapshots of it that are not copied yet are, from then on.
    fn open_volume(&self, volume: &str, key: Option<&Key>) -> Result<Arc<Volume>, BlockError> {
        let opened = self.store.open_volume(volume, key)?;
        for snapshot in opened.pending() {
            self.copying.add(&snapshot, opened.clone());
        }
        Ok(opened)
    }

    fn unserve(&self, volume: &str, force: bool) -> Result<(), BlockError> {
        let lock = self.lock_of(volume);
        let _guard = lock.lock();
        let Some(served) = self.find(volume) else { return Ok(()) };
        served.leave(force, &self.holder)?;
        self.served.lock().remove(volume);
        self.holder.forget(volume).ok();
        Ok(())
    }

    fn grow(&self, volume: &str, bytes: u64) -> Result<(), BlockError> {
        let lock = self.lock_of(volume);
        let _guard = lock.lock();
        match self.find(volume) {
            Some(served) => served.grow(bytes, &self.holder),
            None => Ok(self.store.grow(volume, bytes)?),
        }
    }

    fn snapshot(&self, specs: &[SnapshotSpec]) -> Result<(), BlockError> {
        let mut volumes = Vec::new();
        for spec in specs {
            let volume = match self.find(&spec.volume) {
                Some(served) => served.worked.volume()?,
                None => self.open_volume(&spec.volume, spec.key.as_ref())?,
            };
            volumes.push((volume, spec.snapshot.clone(), spec.snapshot_key));
        }
        self.store.snapshot_begin(&volumes)?;
        for (volume, snapshot, _) in volumes {
            self.copying.add(&snapshot, volume);
        }
        Ok(())
    }

    /// Nothing is answered from here on, unless something is still done.
    pub fn stop(&self) -> Result<(), BlockError> {
        let Some(mut stopping) = self.stopping.try_write() else {
            return Err(BlockError::Busy("the daemon".to_owned()));
        };
        let served = self.served.lock().keys().next().cloned();
        match served {
            Some(volume) => Err(BlockError::Busy(volume)),
            None if self.copying.is_busy() => Err(BlockError::Busy("a snapshot".to_owned())),
            None => {
                // A device that was made while a daemon was killed is known to nobody.
                self.sweep();
                *stopping = true;
                Ok(())
            }
        }
    }
}

fn done(result: Result<(), BlockError>) -> Result<Answer, BlockError> {
    result.map(|()| Answer::Done)
}
