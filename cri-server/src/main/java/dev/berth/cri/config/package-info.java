/**
 * What {@code berthd} can be told, and where it was told so.
 *
 * <p>Every setting is one {@link dev.berth.cri.config.ConfigKey}: its name in the TOML file, its
 * flag ({@code cni_conf_dir} is {@code --cni-conf-dir}), its default and its meaning come from that
 * one table. Defaults are overridden by the file, the file by flags. A value remembers where it
 * came from, so that an error names the file, line and column, or the flag.
 */
@NullMarked
package dev.berth.cri.config;

import org.jspecify.annotations.NullMarked;
