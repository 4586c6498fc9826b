//! One box, one hub and what befalls them, drawn from one seed: a few dozen faults, then everything is mended, shipped
//! and audited.

use crate::{
    calls,
    disk::Image,
    ledger::{Counts, Ledger, Scarce, draw_record, look},
    roles::{Appliance, FarEnd, Hub, Nature, Start},
};
use edge_agent::{
    store::StoreConfig,
    uplink::{
        UplinkConfig,
        memory::{Faults, MemoryLink, Tally},
    },
};
use firmware_protocol::network::Record;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use std::{
    future::Future,
    ops::{AddAssign, RangeInclusive},
    sync::Arc,
    time::Duration,
};

/// Faults of disk, power, link and clock in a world; those of messages come on top.
const STEPS: u32 = 24;
/// Between two looks at what another thread does.
const LOOK: Duration = Duration::from_millis(2);
/// How long a fault lasts at most, when nothing it waits for happens.
const FAULT: Duration = Duration::from_millis(250);
/// How long everything may take in the end: longer than any wait of the box or the hub.
const DRAIN: Duration = Duration::from_mins(1);

/// How often what was done.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Faulted {
    pub(crate) box_cuts: u64,
    pub(crate) box_cuts_opening: u64,
    pub(crate) hub_cuts: u64,
    pub(crate) hub_cuts_opening: u64,
    pub(crate) dropped_writes: u64,
    pub(crate) torn_writes: u64,
    pub(crate) partitions: u64,
    pub(crate) full_disks: u64,
    pub(crate) slow_disks: u64,
    pub(crate) clock_steps: u64,
    pub(crate) messages: Tally,
    pub(crate) counts: Counts,
}

impl Faulted {
    pub(crate) fn power_cuts(&self) -> u64 {
        self.box_cuts + self.box_cuts_opening + self.hub_cuts + self.hub_cuts_opening
    }

    pub(crate) fn faults(&self) -> u64 {
        let Tally { lost_questions, lost_answers, twice, late, held_back } = self.messages;
        let messages = lost_questions + lost_answers + twice + late + held_back;
        self.power_cuts() + self.partitions + self.full_disks + self.slow_disks + self.clock_steps + messages
    }
}

impl AddAssign for Faulted {
    fn add_assign(&mut self, other: Self) {
        for (sum, more) in [
            (&mut self.box_cuts, other.box_cuts),
            (&mut self.box_cuts_opening, other.box_cuts_opening),
            (&mut self.hub_cuts, other.hub_cuts),
            (&mut self.hub_cuts_opening, other.hub_cuts_opening),
            (&mut self.dropped_writes, other.dropped_writes),
            (&mut self.torn_writes, other.torn_writes),
            (&mut self.partitions, other.partitions),
            (&mut self.full_disks, other.full_disks),
            (&mut self.slow_disks, other.slow_disks),
            (&mut self.clock_steps, other.clock_steps),
            (&mut self.messages.lost_questions, other.messages.lost_questions),
            (&mut self.messages.lost_answers, other.messages.lost_answers),
            (&mut self.messages.twice, other.messages.twice),
            (&mut self.messages.late, other.messages.late),
            (&mut self.messages.held_back, other.messages.held_back),
            (&mut self.counts.acknowledged, other.counts.acknowledged),
            (&mut self.counts.held, other.counts.held),
            (&mut self.counts.lost, other.counts.lost),
            (&mut self.counts.torn, other.counts.torn),
        ] {
            *sum += more;
        }
    }
}

/// A world between two faults.
struct World {
    random: StdRng,
    nature: Nature,
    scarce: Scarce,
    states_max: usize,
    ledger: Arc<Ledger>,
    appliance: Appliance,
    hub: Hub,
    done: Faulted,
}

async fn until(limit: Duration, so: impl Fn() -> bool) -> bool {
    let look = async {
        while !so() {
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::time::timeout(limit, look).await.is_ok()
}

/// Waits for `what`, at most as long as a fault lasts.
async fn meanwhile(what: impl Future<Output = ()>) {
    let _ = tokio::time::timeout(FAULT, what).await;
}

fn draw_nature(random: &mut StdRng, lies: [f64; 2]) -> (Nature, Scarce) {
    let mut share = || if random.random_bool(0.5) { random.random_range(0.0..0.25) } else { 0.0 };
    let faults = Faults {
        lost_question: share(),
        lost_answer: share(),
        twice: share(),
        late: share(),
        held_back: share() / 2.0,
    };
    let scarce = Scarce { room: random.random_bool(0.15), disk: random.random_bool(0.5) };
    let store = StoreConfig {
        bytes_max: if scarce.room { 3 << 10 } else { 1 << 30 },
        disk_reserve_bytes: 0,
        cache_bytes: 4 << 20,
        queue_records_max: random.random_range(1..=256),
        group_records_max: random.random_range(1..=128),
        pending_bytes_max: if random.random_bool(0.5) { 16 << 10 } else { 16 << 20 },
        // Small enough that records leave sled for sealed parts all the time.
        head_bytes: random.random_range(4..64) << 10,
        ..StoreConfig::default()
    };
    let uplink = UplinkConfig {
        batch_records_max: random.random_range(1..=64),
        window_batches: random.random_range(1..=4),
        compress: random.random_bool(0.5),
        retry_max_ms: 10,
        ..UplinkConfig::default()
    };
    let nobody: edge_agent::uplink::memory::Answerer = Arc::new(|_, _| Box::pin(async { None }));
    let link = Arc::new(MemoryLink::new(nobody, faults, random.random()));
    (Nature { store, uplink, link, far_end: Arc::new(FarEnd::default()), lies }, scarce)
}

/// A disk call to cut the power at: some at once, some late.
fn draw_calls(random: &mut StdRng, last: RangeInclusive<u32>) -> u32 {
    let last = random.random_range(last);
    random.random_range(1..=last)
}

async fn start_appliance(
    nature: &Nature,
    random: &mut StdRng,
    done: &mut Faulted,
    mut image: Image,
) -> Result<Appliance, String> {
    loop {
        let calls = random.random_bool(0.3).then(|| draw_calls(random, 4..=120));
        match Appliance::start(nature, &image, random.random(), calls).await? {
            Start::Up(appliance) => return Ok(appliance),
            Start::Cut(left) => {
                done.box_cuts_opening += 1;
                image = counted(done, left);
            }
        }
    }
}

async fn start_hub(nature: &Nature, random: &mut StdRng, done: &mut Faulted, mut image: Image) -> Result<Hub, String> {
    loop {
        let calls = random.random_bool(0.3).then(|| draw_calls(random, 4..=60));
        match Hub::start(nature, &image, random.random(), calls).await? {
            Start::Up(hub) => return Ok(hub),
            Start::Cut(left) => {
                done.hub_cuts_opening += 1;
                image = counted(done, left);
            }
        }
    }
}

fn counted(done: &mut Faulted, image: Image) -> Image {
    done.dropped_writes += image.dropped;
    done.torn_writes += image.torn;
    image
}

/// Plays the world of `seed` on disks of whose syncs the shares `lies` (box, hub) do nothing.
pub(crate) async fn play(seed: u64, lies: [f64; 2]) -> Result<Faulted, String> {
    let mut random = StdRng::seed_from_u64(seed);
    let (nature, scarce) = draw_nature(&mut random, lies);
    let mut done = Faulted::default();
    let hub = start_hub(&nature, &mut random, &mut done, Image::default()).await?;
    let appliance = start_appliance(&nature, &mut random, &mut done, Image::default()).await?;
    // With more than 7 kB a record sled writes pages into files of their own, and a full disk then stops it for good,
    // in all worlds of this process: not shown here, see `Journal::reopen`.
    let states_max = [20, 400, 16_000][random.random_range(0..if scarce.disk { 2 } else { 3 })];
    let ledger = Arc::default();
    let mut world = World { random, nature, scarce, states_max, ledger, appliance, hub, done };
    for _ in 0..STEPS {
        world = world.step().await?;
    }
    world.finish().await
}

impl World {
    async fn step(mut self) -> Result<Self, String> {
        let count = self.random.random_range(1..=60);
        let records = (0..count).map(|_| draw_record(&mut self.random, self.states_max)).collect();
        let (cuts_box, cuts_hub) = match self.random.random_range(0..100) {
            0..30 => (true, false),
            30..55 => (false, true),
            55..62 => (true, true),
            fault => return self.outlast(fault, records).await,
        };
        if cuts_box {
            self.appliance.disk.arm(draw_calls(&mut self.random, 2..=40));
        }
        if cuts_hub {
            self.hub.disk.arm(draw_calls(&mut self.random, 2..=60));
        }
        let appended = self.appliance.append(records, &self.ledger);
        meanwhile(async {
            tokio::select! {
                () = self.appliance.disk.frozen() => {}
                () = self.hub.disk.frozen() => {}
                _ = until(FAULT, || appended.is_finished() && self.appliance.is_drained()) => {}
            }
        })
        .await;
        let Self { mut random, nature, scarce, states_max, ledger, mut appliance, mut hub, mut done } = self;
        if cuts_box {
            let image = appliance.cut().await;
            appended.await.map_err(|error| error.to_string())??;
            done.box_cuts += 1;
            let image = counted(&mut done, image);
            appliance = start_appliance(&nature, &mut random, &mut done, image).await?;
        }
        if cuts_hub {
            let image = hub.cut(&nature).await;
            done.hub_cuts += 1;
            let image = counted(&mut done, image);
            hub = start_hub(&nature, &mut random, &mut done, image).await?;
            look(&Hub::file(&hub.disk), scarce).await?;
        }
        Ok(Self { random, nature, scarce, states_max, ledger, appliance, hub, done })
    }

    /// A fault that nobody dies of.
    async fn outlast(mut self, fault: u32, records: Vec<(i64, Record)>) -> Result<Self, String> {
        let disk = if self.random.random_bool(0.6) { self.appliance.disk.clone() } else { self.hub.disk.clone() };
        match fault {
            62..76 => {
                self.done.partitions += 1;
                self.nature.far_end.cut(true);
            }
            76..90 if self.scarce.disk => {
                self.done.full_disks += 1;
                disk.set_full(true);
            }
            76..94 => {
                self.done.slow_disks += 1;
                disk.set_slow(true);
            }
            _ => {
                self.done.clock_steps += 1;
                calls::step_clock(self.random.random_range(-100_000_000..100_000_000));
            }
        }
        let appended = self.appliance.append(records, &self.ledger);
        let faulty = || self.appliance.store.stats().fault.is_some();
        let limit = Duration::from_millis(self.random.random_range(5..100));
        until(limit, || faulty() || (appended.is_finished() && self.appliance.is_drained())).await;
        self.nature.far_end.cut(false);
        disk.set_full(false);
        disk.set_slow(false);
        if self.random.random_bool(0.5) {
            appended.await.map_err(|error| error.to_string())??;
        }
        Ok(self)
    }

    /// Nothing breaks any more: ships everything and compares.
    async fn finish(self) -> Result<Faulted, String> {
        if !until(DRAIN, || self.appliance.is_drained()).await {
            let stats = self.appliance.store.stats();
            return Err(format!("the backlog does not drain: {stats:?}"));
        }
        let mut done = self.done;
        done.messages = self.nature.link.tally();
        self.appliance.cut().await;
        let disk = self.hub.disk.clone();
        self.hub.end().await;
        done.counts = self.ledger.audit(&Hub::file(&disk), self.scarce).await?;
        Ok(done)
    }
}
