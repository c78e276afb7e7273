//! A page in Chromium: opened, driven by real input, and asked what it has measured.

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::chromium::Chromium;
use crate::run::token;
use crate::{Outcome, fail};

/// Runs in every page before its own scripts.
const PROBE: &str = include_str!("../../page/probe.js");
/// The size of a page, in CSS pixels.
pub const WIDTH: u32 = 1280;
/// The size of a page, in CSS pixels.
pub const HEIGHT: u32 = 800;

/// Chromium still starts processes when it says that a page is open.
const SETTLING: Duration = Duration::from_millis(500);

/// What a page finds in the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cache {
    /// Nothing.
    Cold,
    /// What earlier pages of this kind have left there.
    Warm,
}

/// A visitor's device and network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conditions {
    /// This machine.
    Local,
    /// A phone: a quarter of the speed, 1.6 Mbit/s, 150 ms.
    Phone,
}

/// What a page weighs after its garbage was collected.
#[derive(Clone, Copy, Debug, Default)]
pub struct Weight {
    /// The heap of JavaScript and the memory of WebAssembly, in KiB.
    pub heap: f64,
    /// The proportional set size of the processes that show pages, in KiB.
    pub process: f64,
    /// The nodes of the document.
    pub nodes: f64,
}

/// The frames in some time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Frames {
    /// How many there were.
    pub count: f64,
    /// How many were longer than 16.7 ms.
    pub missed: f64,
    /// How many were longer than 50 ms.
    pub long: f64,
    /// The longest, in milliseconds.
    pub longest: f64,
    /// The whole time, in milliseconds.
    pub millis: f64,
}

impl Frames {
    /// Reads what the probe has counted.
    pub fn read(counted: &Value) -> Outcome<Self> {
        let figure =
            |name: &str| counted[name].as_f64().ok_or_else(|| fail(format!("the probe counted {counted}")));
        Ok(Self {
            count: figure("frames")?,
            missed: figure("missed")?,
            long: figure("long")?,
            longest: figure("longest")?,
            millis: figure("millis")?,
        })
    }

    /// These and others.
    pub fn and(self, other: Self) -> Self {
        Self {
            count: self.count + other.count,
            missed: self.missed + other.missed,
            long: self.long + other.long,
            longest: self.longest.max(other.longest),
            millis: self.millis + other.millis,
        }
    }

    /// How many of a hundred were longer than 16.7 ms.
    pub fn missed_share(self) -> f64 {
        100.0 * self.missed / self.count
    }
}

/// An open page. Dropping it closes it.
pub struct Page<'a> {
    chromium: &'a Chromium,
    target: String,
    session: String,
    /// A profile of its own.
    context: Option<String>,
}

impl<'a> Page<'a> {
    /// Opens an empty page in a window of its own.
    pub fn open(chromium: &'a Chromium, cache: Cache) -> Outcome<Self> {
        let context = match cache {
            Cache::Cold => {
                let made = chromium.call(None, "Target.createBrowserContext", json!({}))?;
                Some(text(&made["browserContextId"])?)
            }
            Cache::Warm => None,
        };
        let mut wanted = json!({ "url": "about:blank", "newWindow": true, "width": WIDTH, "height": HEIGHT });
        if let Some(context) = &context {
            wanted["browserContextId"] = json!(context);
        }
        let target = text(&chromium.call(None, "Target.createTarget", wanted)?["targetId"])?;
        let attach = json!({ "targetId": target, "flatten": true });
        let session = text(&chromium.call(None, "Target.attachToTarget", attach)?["sessionId"])?;
        let page = Self { chromium, target, session, context };
        page.call("Page.enable", json!({}))?;
        page.call("Performance.enable", json!({}))?;
        page.call("Emulation.setFocusEmulationEnabled", json!({ "enabled": true }))?;
        let size = json!({ "width": WIDTH, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": false });
        page.call("Emulation.setDeviceMetricsOverride", size)?;
        page.call("Page.addScriptToEvaluateOnNewDocument", json!({ "source": PROBE }))?;
        Ok(page)
    }

    /// Sends a command.
    fn call(&self, method: &str, parameters: Value) -> Outcome<Value> {
        self.chromium.call(Some(&self.session), method, parameters)
    }

    /// Slows the device and the network down.
    pub fn suffer(&self, conditions: Conditions) -> Outcome<()> {
        if conditions == Conditions::Phone {
            self.call("Emulation.setCPUThrottlingRate", json!({ "rate": 4 }))?;
            self.call("Network.enable", json!({}))?;
            let bytes = 1.6e6 / 8.0;
            let network = json!({
                "offline": false, "latency": 150, "downloadThroughput": bytes, "uploadThroughput": bytes / 2.0,
            });
            self.call("Network.emulateNetworkConditions", network)?;
        }
        Ok(())
    }

    /// Goes to a path of a server, signed in as the first guest.
    pub fn visit(&self, addr: SocketAddr, path: &str) -> Outcome<()> {
        thread::sleep(SETTLING);
        let url = format!("http://{addr}{path}");
        let cookie = json!({ "url": url, "name": "parlance_session", "value": token(0), "httpOnly": true });
        self.call("Network.setCookie", cookie)?;
        let opened = self.call("Page.navigate", json!({ "url": url }))?;
        match opened.get("errorText") {
            Some(error) => Err(fail(format!("{url}: {error}"))),
            None => Ok(()),
        }
    }

    /// What a script results in, after waiting for it if it is a promise.
    pub fn run(&self, script: &str) -> Outcome<Value> {
        let parameters = json!({ "expression": script, "awaitPromise": true, "returnByValue": true });
        let mut answer = self.call("Runtime.evaluate", parameters)?;
        match answer.get("exceptionDetails") {
            Some(details) => {
                let reason = details["exception"]["description"].as_str().unwrap_or("it throws");
                Err(fail(format!("{script}: {reason}")))
            }
            None => Ok(answer["result"]["value"].take()),
        }
    }

    /// The number that a script results in.
    pub fn number(&self, script: &str) -> Outcome<f64> {
        let value = self.run(script)?;
        value.as_f64().ok_or_else(|| fail(format!("{script} results in {value}")))
    }

    /// Clicks on the middle of the first element that fits a selector.
    pub fn click(&self, selector: &str) -> Outcome<()> {
        let place = self.run(&format!("bench.middle({})", json!(selector)))?;
        for kind in ["mouseMoved", "mousePressed", "mouseReleased"] {
            let button = if kind == "mouseMoved" { "none" } else { "left" };
            let event =
                json!({ "type": kind, "x": place[0], "y": place[1], "button": button, "clickCount": 1 });
            self.call("Input.dispatchMouseEvent", event)?;
        }
        Ok(())
    }

    /// Writes into the field that has the focus.
    pub fn write(&self, text: &str) -> Outcome<()> {
        self.call("Input.insertText", json!({ "text": text })).map(drop)
    }

    /// Presses Enter.
    pub fn press_enter(&self) -> Outcome<()> {
        for kind in ["keyDown", "keyUp"] {
            let mut event =
                json!({ "type": kind, "key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13 });
            if kind == "keyDown" {
                event["text"] = json!("\r");
            }
            self.call("Input.dispatchKeyEvent", event)?;
        }
        Ok(())
    }

    /// Collects the page's garbage and weighs the rest.
    pub fn weigh(&self) -> Outcome<Weight> {
        self.call("HeapProfiler.collectGarbage", json!({}))?;
        let metrics = self.call("Performance.getMetrics", json!({}))?;
        let metrics = metrics["metrics"].as_array().cloned().unwrap_or_default();
        let heap = metrics.iter().find(|metric| metric["name"] == "JSHeapUsedSize");
        let heap = heap.and_then(|metric| metric["value"].as_f64());
        let heap = heap.ok_or_else(|| fail("Chromium does not tell the size of the heap"))?;
        let counters = self.call("Memory.getDOMCounters", json!({}))?;
        Ok(Weight {
            heap: (heap + self.number("bench.wasmBytes()")?) / 1024.0,
            process: self.chromium.pages_memory()?,
            nodes: counters["nodes"].as_f64().unwrap_or(f64::NAN),
        })
    }
}

impl Drop for Page<'_> {
    fn drop(&mut self) {
        // What cannot be closed ends with Chromium.
        let _ = self.chromium.call(None, "Target.closeTarget", json!({ "targetId": self.target }));
        if let Some(context) = &self.context {
            let disposed = json!({ "browserContextId": context });
            let _ = self.chromium.call(None, "Target.disposeBrowserContext", disposed);
        }
    }
}

fn text(value: &Value) -> Outcome<String> {
    value.as_str().map(str::to_owned).ok_or_else(|| fail("Chromium names nothing"))
}
