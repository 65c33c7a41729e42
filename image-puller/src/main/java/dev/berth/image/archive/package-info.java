/**
 * Images in files: the OCI image layout, as a directory or a tar archive, and the archive of {@code
 * docker save}. Knows nothing of the store; see image-spec, image-layout.md.
 */
@NullMarked
package dev.berth.image.archive;

import org.jspecify.annotations.NullMarked;
