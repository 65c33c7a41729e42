/** Tests of pods on a real kernel: real namespaces, CNI plugins, shims and OCI runtimes. */
package dev.berth.sandbox;
