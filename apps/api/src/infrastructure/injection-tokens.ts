/** For what is injected and is not a class. */
export const API_CONFIG = Symbol('ApiConfig')
export const KEY_RING = Symbol('KeyRing')
export const EGRESS_POLICY = Symbol('EgressPolicy')
