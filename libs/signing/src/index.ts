export { parseKeyRing, type KeyRing, type SealKey } from './key-ring.js'
export { BrokenSealError, openSecret, sealSecret, UnknownSealKeyError } from './sealed-secret.js'
export { signatureHeaders, signBody, standardSignature, type SignatureInput } from './signature.js'
export { createSecret, isSecret } from './webhook-secret.js'
