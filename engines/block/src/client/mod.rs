//! The disks of a cloud, for the process that rules it. Everything is done by the [daemon](crate::daemon), which is
//! found, or started with the first question, and asked again when it dies in the middle.

mod calls;
mod watch;

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use zeroize::Zeroizing;

use crate::holder::{READY, Start};
use crate::kernel::{descriptors, loops};
use crate::limits::{ASKING_SECONDS_MAX, IDLE_CONVERSATIONS_MAX, MESSAGE_BYTES_MAX, START_MILLIS_MAX};
use crate::talk::{self, Answer, Ask, Place, VERSION};
use crate::{BlockError, BlockSettings, Event};
use watch::Watch;

/// The disks of a cloud. Copies are the same.
#[derive(Clone)]
pub struct Block {
    shared: Arc<Shared>,
}

struct Shared {
    settings: BlockSettings,
    place: Place,
    idle: Mutex<Vec<UnixStream>>,
    /// One start of a daemon at a time.
    starting: tokio::sync::Mutex<()>,
    watch: Watch,
    events: tokio::sync::Mutex<UnboundedReceiver<Event>>,
}

impl Block {
    /// Opens the disks upon a folder, which is made. What is served there goes on being served; what processes that are
    /// gone left in the kernel is cleared.
    pub async fn open(mut settings: BlockSettings) -> Result<Self, BlockError> {
        let failed = |error| BlockError::io("the folder of the disks", error);
        let folder = &settings.folder;
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).map_err(failed)?;
        settings.folder = folder.canonicalize().map_err(failed)?;
        let place = Place::open(&settings.folder).map_err(failed)?;
        let (tell, events) = unbounded_channel();
        let watch = Watch::new(&settings.folder, tell).map_err(failed)?;
        let shared = Shared {
            settings,
            place,
            idle: Mutex::default(),
            starting: tokio::sync::Mutex::default(),
            watch,
            events: tokio::sync::Mutex::new(events),
        };
        let block = Self { shared: Arc::new(shared) };
        match block.connect().await {
            Ok(stream) => block.keep(stream),
            Err(Broken::Refused(error)) => return Err(error),
            Err(Broken::Connection(_)) => block.sweep(),
        }
        Ok(block)
    }

    /// Frees the loop devices that lead to files of a daemon that is gone, if it is gone.
    fn sweep(&self) {
        let folder = &self.shared.settings.folder;
        let lock = File::options().create(true).truncate(false).write(true).open(folder.join("holder.lock"));
        let Ok(lock) = lock else { return };
        if lock.try_lock().is_err() {
            return;
        }
        let Ok(prefix) = crate::daemon::prefix_of(folder) else { return };
        for (minor, _) in loops::upon(&prefix) {
            if let Ok(device) = loops::open(minor, false) {
                loops::clear(&device).ok();
            }
        }
    }

    /// Asks, as often as it takes for a while: a daemon that dies is started again, and all questions may be asked
    /// twice.
    async fn ask(&self, ask: &Ask, body: &[u8]) -> Result<(Answer, Vec<u8>), BlockError> {
        let frame = talk::begin(ask, body.len()).map_err(|error| BlockError::io("a question", error))?;
        let began = Instant::now();
        loop {
            let tried = match self.conversation().await {
                Ok(mut stream) => match exchange(&mut stream, &frame, body).await {
                    Ok(answer) => {
                        self.keep(stream);
                        Ok(answer)
                    }
                    Err(error) => Err(Broken::Connection(error)),
                },
                Err(error) => Err(error),
            };
            match tried {
                Ok((Answer::Failed(error), _)) | Err(Broken::Refused(error)) => return Err(error),
                Ok(answer) => return Ok(answer),
                Err(Broken::Connection(error)) => {
                    self.shared.idle.lock().clear();
                    if began.elapsed() > Duration::from_secs(ASKING_SECONDS_MAX) {
                        return Err(BlockError::io("the daemon of the disks does not answer", error));
                    }
                    tracing::debug!("the daemon of the disks went away: {error}");
                }
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn keep(&self, stream: UnixStream) {
        let mut idle = self.shared.idle.lock();
        if idle.len() < IDLE_CONVERSATIONS_MAX {
            idle.push(stream);
        }
    }

    /// A conversation with a daemon, which is started if there is none.
    async fn conversation(&self) -> Result<UnixStream, Broken> {
        if let Some(stream) = self.shared.idle.lock().pop() {
            return Ok(stream);
        }
        match self.connect().await {
            Err(Broken::Connection(error)) if is_nobody(&error) => {}
            other => return other,
        }
        let _guard = self.shared.starting.lock().await;
        // Somebody else may have been faster.
        match self.connect().await {
            Err(Broken::Connection(error)) if is_nobody(&error) => {}
            other => return other,
        }
        let settings = self.shared.settings.clone();
        tokio::task::spawn_blocking(move || start(&settings))
            .await
            .unwrap_or_else(|error| Err(BlockError::io("starting the daemon", io::Error::other(error))))
            .map_err(Broken::Refused)?;
        self.connect().await
    }

    async fn connect(&self) -> Result<UnixStream, Broken> {
        let mut stream = UnixStream::connect(self.shared.place.socket()).await.map_err(Broken::Connection)?;
        let hello = talk::begin(&Ask::Hello { version: VERSION }, 0).map_err(Broken::Connection)?;
        match exchange(&mut stream, &hello, &[]).await.map_err(Broken::Connection)? {
            (Answer::Failed(error), _) => Err(Broken::Refused(error)),
            _ => {
                self.shared.watch.begin();
                Ok(stream)
            }
        }
    }
}

/// Why there is no conversation.
enum Broken {
    /// Another try may help.
    Connection(io::Error),
    /// It does not.
    Refused(BlockError),
}

fn is_nobody(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused)
}

async fn exchange(stream: &mut UnixStream, frame: &[u8], body: &[u8]) -> io::Result<(Answer, Vec<u8>)> {
    stream.write_all(frame).await?;
    stream.write_all(body).await?;
    let mut first = [0; 8];
    stream.read_exact(&mut first).await?;
    let (head, body) = talk::lengths(first)?;
    let mut bytes = vec![0; head];
    stream.read_exact(&mut bytes).await?;
    let mut rest = vec![0; body];
    stream.read_exact(&mut rest).await?;
    Ok((talk::understand(&bytes)?, rest))
}

/// Starts a holder, which starts a daemon, and waits until that answers.
fn start(settings: &BlockSettings) -> Result<(), BlockError> {
    let failed = |error| BlockError::io("starting the daemon of the disks", error);
    let (ours, theirs) = descriptors::pair().map_err(failed)?;
    let mut child = Command::new(&settings.program)
        .args(&settings.arguments)
        .env_clear()
        .stdin(Stdio::from(theirs))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(failed)?;
    // It outlives this process, or ends before it and is reaped.
    std::thread::Builder::new()
        .name("block-reaper".to_owned())
        .stack_size(64 << 10)
        .spawn(move || child.wait().ok())
        .map_err(failed)?;
    let start = Start { folder: settings.folder.clone(), master_key: settings.master_key };
    let bytes = postcard::to_stdvec(&start).map_err(|error| failed(io::Error::other(error)))?;
    let bytes = Zeroizing::new(bytes);
    descriptors::send(ours.as_fd(), &bytes, &[]).map_err(failed)?;
    let said = hear(&ours).map_err(failed)?;
    if said == READY { Ok(()) } else { Err(BlockError::Failed(String::from_utf8_lossy(&said).into_owned())) }
}

fn hear(from: &OwnedFd) -> io::Result<Vec<u8>> {
    let began = Instant::now();
    let limit = Duration::from_millis(START_MILLIS_MAX);
    while !descriptors::wait_readable(from.as_fd(), 1000)? {
        if began.elapsed() > limit {
            return Err(io::Error::new(ErrorKind::TimedOut, "no answer in time"));
        }
    }
    let mut bytes = vec![0; MESSAGE_BYTES_MAX];
    let (length, _) = descriptors::receive(from.as_fd(), &mut bytes)?;
    if length == 0 {
        return Err(io::Error::new(ErrorKind::UnexpectedEof, "it ended without an answer"));
    }
    bytes.truncate(length);
    Ok(bytes)
}
