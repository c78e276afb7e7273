// Runs in every page before its own scripts, and measures from inside: when things are painted, how long frames take.
// Both Parlance's client and the floor have these selectors.
globalThis.bench = (() => {
  const MESSAGE = ".log li.message .text";
  // The clock of frames has a resolution of 0.1 ms, so a frame of 1/60 s may seem to be longer.
  const FRAME = 1000 / 60 + 1;
  const LONG_FRAME = 50;

  // Parlance asks who somebody is when they have given a name before. Empty pages have no storage.
  try { localStorage.setItem("parlance.name", "guest1"); } catch { }

  const memories = [];
  for (const name of ["instantiate", "instantiateStreaming"]) {
    const original = WebAssembly[name];
    WebAssembly[name] = async (...given) => {
      const made = await original.apply(WebAssembly, given);
      const exported = Object.values((made.instance ?? made).exports);
      memories.push(...exported.filter(item => item instanceof WebAssembly.Memory));
      return made;
    };
  }

  const sockets = [];
  globalThis.WebSocket = new Proxy(WebSocket, {
    construct(original, given) {
      sockets.push(performance.now());
      return new original(...given);
    },
  });

  const entries = {};
  for (const type of ["largest-contentful-paint", "layout-shift", "longtask"]) {
    entries[type] = [];
    new PerformanceObserver(list => entries[type].push(...list.getEntries())).observe({ type, buffered: true });
  }

  // Resolves to the time after the frame that is drawn next. A new observer of sizes is called in that frame, after its
  // callbacks and its layout; the first task after it runs when the frame is painted.
  const nextPaint = () => new Promise(resolve => {
    const observer = new ResizeObserver(() => {
      observer.disconnect();
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => {
        port1.close();
        resolve(performance.now());
      };
      port2.postMessage(null);
    });
    observer.observe(document.documentElement);
  });

  // Resolves to the time at which the page is painted with what `isThere` looks for.
  const painted = isThere => new Promise(resolve => {
    if (isThere()) return resolve(nextPaint());
    const observer = new MutationObserver(() => {
      if (isThere()) {
        observer.disconnect();
        resolve(nextPaint());
      }
    });
    const attributes = { attributes: true, attributeFilter: ["class"] };
    observer.observe(document, { childList: true, characterData: true, subtree: true, ...attributes });
  });

  const firstMessage = painted(() => document.querySelector(MESSAGE));
  const composer = painted(() => document.querySelector("#composer"));
  const pause = millis => new Promise(resolve => setTimeout(resolve, millis));
  const sum = numbers => numbers.reduce((total, number) => total + number, 0);

  // The newest message that the page has, if it begins with this text.
  const newest = text => {
    const rows = document.getElementsByClassName("message");
    const found = rows[rows.length - 1]?.querySelector(".text");
    return found?.textContent.startsWith(text) ? found : null;
  };

  // Counts frames until the returned function is called.
  const countFrames = onFrame => {
    const counted = { frames: 0, missed: 0, long: 0, longest: 0, millis: 0 };
    const began = performance.now();
    let last = null;
    let isOver = false;
    const frame = now => {
      if (isOver) return;
      if (last !== null) {
        const length = now - last;
        counted.frames += 1;
        counted.missed += length > FRAME;
        counted.long += length > LONG_FRAME;
        counted.longest = Math.max(counted.longest, length);
      }
      last = now;
      onFrame?.(counted.frames);
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
    return () => {
      isOver = true;
      counted.millis = performance.now() - began;
      return counted;
    };
  };

  let stopFrames = null;
  let acts = null;

  return {
    // The first load, as soon as it has settled.
    async load() {
      const [message, typing] = await Promise.all([firstMessage, composer]);
      await pause(300);
      const all = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
      const before = all.filter(entry => entry.startTime < message);
      return {
        message,
        typing,
        contentful: performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0,
        largest: entries["largest-contentful-paint"].at(-1)?.startTime ?? 0,
        bytes: sum(before.map(entry => entry.transferSize)),
        requests: before.length + sockets.filter(time => time < message).length,
        blocking: sum(entries.longtask.map(task => Math.max(0, task.duration - 50))),
        shift: sum(entries["layout-shift"].filter(shift => !shift.hadRecentInput).map(shift => shift.value)),
      };
    },

    // From the next event of this type until the page is painted with the message as its newest one, and until it is
    // painted as confirmed.
    expect(type, text) {
      const begin = new Promise(resolve => {
        addEventListener(type, event => resolve(event.timeStamp), { capture: true, once: true });
      });
      const isConfirmed = () => {
        const row = newest(text)?.closest("li");
        return row && !row.classList.contains("pending");
      };
      acts = begin.then(async began => {
        const ends = await Promise.all([painted(() => newest(text)), painted(isConfirmed)]);
        return ends.map(end => end - began);
      });
    },
    arrived: millis => Promise.race([acts, pause(millis)]),
    has: text => newest(text) !== null,
    // For whoever reads why a measurement failed.
    state() {
      const rows = document.getElementsByClassName("message");
      const focus = document.activeElement?.id;
      return { path: location.pathname, rows: rows.length, newest: rows[rows.length - 1]?.textContent, focus };
    },
    // How long it takes from now until the page is painted with the message as its newest one, or how long was waited.
    async wait(text, millis) {
      const began = performance.now();
      await Promise.race([painted(() => newest(text)), pause(millis)]);
      return performance.now() - began;
    },

    middle(selector) {
      const element = document.querySelector(selector);
      element.scrollIntoView({ block: "nearest" });
      const { left, top, width, height } = element.getBoundingClientRect();
      return [left + width / 2, top + height / 2];
    },

    // Scrolls upwards by so many pixels in each frame until a message of this number or an older one is there.
    scrollTo(number, pixels, millis) {
      const log = document.querySelector(".log");
      const rows = log.getElementsByClassName("message");
      const oldest = () => Number(/\d+/.exec(rows[0]?.querySelector(".text")?.textContent)?.[0] ?? Infinity);
      const end = performance.now() + millis;
      let mostRows = 0;
      return new Promise(resolve => {
        const stop = countFrames(frame => {
          log.scrollBy({ top: -pixels, behavior: "instant" });
          // To ask in every frame would cost a part of it.
          if (frame % 10) return;
          mostRows = Math.max(mostRows, rows.length);
          if (oldest() <= number || performance.now() > end) {
            resolve({ ...stop(), rows: mostRows, oldest: oldest() });
          }
        });
      });
    },

    // Shows all rooms in the list.
    async listRooms(count, millis) {
      const links = document.querySelectorAll.bind(document, "a[href^='/rooms/']");
      const end = performance.now() + millis;
      while (links().length < count && performance.now() < end) {
        document.querySelector("#sidebar .sidebar-end button:not([aria-busy=true])")?.click();
        await nextPaint();
      }
      return links().length;
    },

    startFrames() { stopFrames = countFrames(); },
    stopFrames: () => stopFrames(),
    pause,
    elements: () => document.getElementsByTagName("*").length,
    rows: () => document.querySelectorAll(".log li").length,
    wasmBytes: () => sum(memories.map(memory => memory.buffer.byteLength)),
  };
})();
