/**
 * What of tools and look is kept between two starts? Brush size, how masks are shown, speed: the core's settings keep them.
 *
 * What changes is sent once it rests: a size that is being dragged is not written sixty times a second.
 */

const REST_MS = 600;
const KEYS = ["brushRadius", "opacity", "isOutlineOnly", "speed", "isLooping"];

/** The part of the store's state that settings decide. Pure. @param {object} settings as from GET /api/settings */
export function fromSettings(settings) {
  const chosen = {
    brushRadius: settings.brush_size === undefined ? undefined : settings.brush_size / 2,
    opacity: settings.mask_opacity,
    isOutlineOnly: settings.is_outline_only,
    speed: settings.play_speed,
    isLooping: settings.is_looping,
  };
  return Object.fromEntries(Object.entries(chosen).filter(([, value]) => value !== undefined));
}

/** The settings that say what the store's state says. Pure. @param {object} state of the store */
export function toSettings({ brushRadius, opacity, isOutlineOnly, speed, isLooping }) {
  return {
    brush_size: Math.round(20 * brushRadius) / 10,
    mask_opacity: opacity,
    is_outline_only: isOutlineOnly,
    play_speed: speed,
    is_looping: isLooping,
  };
}

/**
 * From now on, sends what differs from what was sent last.
 * @param {object} store
 * @param {(changed: object, isLast: boolean) => Promise<object>} put
 * @param {(error: Error) => void} onError
 * @returns {(isLast: boolean) => void} sends what is still resting, now; isLast: the page is being closed
 */
export function keepLook(store, put, onError) {
  let sent = toSettings(store.get());
  let timer = 0;
  const send = (isLast) => {
    clearTimeout(timer);
    const now = toSettings(store.get());
    const changed = Object.fromEntries(Object.entries(now).filter(([name, value]) => value !== sent[name]));
    if (Object.keys(changed).length === 0) return;
    sent = now;
    put(changed, isLast).catch(onError);
  };
  store.watch(
    () => {
      clearTimeout(timer);
      timer = setTimeout(send, REST_MS, false);
    },
    ...KEYS,
  );
  return send;
}
