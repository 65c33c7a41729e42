/**
 * Which images may be pulled: a file of rules by repository, and signatures in cosign's format. See
 * cosign's specs/SIGNATURE_SPEC.md; keys and algorithms are the JDK's.
 */
@NullMarked
package dev.berth.image.policy;

import org.jspecify.annotations.NullMarked;
