// A small seeded generator: the same "random" actions in every run.
export function seeded(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  next.below = (count) => Math.floor(next() * count);
  next.pick = (list) => list[next.below(list.length)];
  return next;
}
