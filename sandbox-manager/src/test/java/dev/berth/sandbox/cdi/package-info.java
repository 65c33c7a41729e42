/** Tests of CDI spec files and what they give to containers. */
package dev.berth.sandbox.cdi;
