/**
 * Which of two valid secrets the one-secret header is signed with while a rotation's overlap lasts: the one that was
 * last accepted here, at first the old one. Receivers may switch at any moment of the overlap, one instance after
 * the other, so a refusal says only that this instance has the other one.
 */
export class SecretChoice {
  #preferred: string | undefined

  /** @param secrets valid now, newest first; @returns the one to sign with, and the other while there are two */
  order(secrets: readonly string[]): { first: string; other: string | undefined } {
    const oldest = secrets.at(-1)!
    const first = this.#preferred !== undefined && secrets.includes(this.#preferred) ? this.#preferred : oldest
    return { first, other: secrets.find((secret) => secret !== first) }
  }

  /** It was accepted, or is to be tried first the next time. */
  prefer(secret: string): void {
    this.#preferred = secret
  }
}

/** What receivers answer to a signature that they do not take: the guide's snippet says 401, others 400 or 403. */
export function looksLikeWrongSecret(status: number): boolean {
  return status === 400 || status === 401 || status === 403
}
