export function differences(first: object, other: object, tag: string): string[];
export function unused(texts: object, sources: readonly string[]): string[];
