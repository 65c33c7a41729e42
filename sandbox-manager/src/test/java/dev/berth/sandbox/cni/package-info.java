/** Tests of the CNI runtime side, with Debian's reference plugins where they touch the kernel. */
package dev.berth.sandbox.cni;
