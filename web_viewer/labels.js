/** Which label types can be painted, and in which order do the number keys choose them? The data set's main one is first. Pure. */

/**
 * @param {{label_types: {label_id: string, kind: string}[], label_id: string} | null} session as from GET /api/session
 * @returns {{label_id: string, name: string, colour: string, tracked_colour: string}[]}
 */
export function maskTypes(session) {
  const types = (session?.label_types ?? []).filter((type) => type.kind === "mask");
  const isMain = (type) => type.label_id === session.label_id;
  return [...types.filter(isMain), ...types.filter((type) => !isMain(type))];
}
