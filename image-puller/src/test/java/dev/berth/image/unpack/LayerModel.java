package dev.berth.image.unpack;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.berth.runtime.kernel.InodeStatus;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import org.apache.commons.compress.archivers.tar.TarConstants;

/**
 * A root file system in memory, and a seeded writer of layers for it: what each layer means is
 * decided here by the plain rules of layer.md, with no directory, no overlay and no sidecar.
 */
final class LayerModel {
  private static final String TIME = "2023-11-14T22:13:20Z";
  private static final String EPOCH = "1970-01-01T00:00:00Z";

  /** An inode: hard links share one. */
  private record Node(char type, int mode, int owner, String time, String text) {
    String describe() {
      int bits =
          switch (type) {
            case 'd' -> InodeStatus.DIRECTORY;
            case 'l' -> InodeStatus.SYMBOLIC_LINK;
            default -> InodeStatus.REGULAR;
          };
      return String.format("%06o %d:%d %s", bits | mode, owner, owner, time);
    }
  }

  private final Random random;
  private final TreeMap<String, Node> tree = new TreeMap<>();
  private int names;

  LayerModel(long seed) {
    this.random = new Random(seed);
  }

  /** What the merged tree must look like, without its root. */
  Map<String, String> expected() {
    Map<String, String> lines = new TreeMap<>();
    IdentityHashMap<Node, String> first = new IdentityHashMap<>();
    // In the order in which TreeDump walks: by path components.
    tree.entrySet().stream()
        .sorted((a, b) -> Path.of(a.getKey()).compareTo(Path.of(b.getKey())))
        .forEach(entry -> {
          Node node = entry.getValue();
          String line = node.describe();
          if (node.type() == 'f') {
            line += " " + node.text() + " =" + first.computeIfAbsent(node, _ -> entry.getKey());
          } else if (node.type() == 'l') {
            line += " -> " + node.text();
          }
          lines.put(entry.getKey(), line);
        });
    return lines;
  }

  /** Writes a random layer and applies it to the model. */
  byte[] nextLayer() {
    var layer = new Layer();
    int entries = 3 + random.nextInt(12);
    for (int i = 0; i < entries; i++) {
      layer.addSomething();
    }
    return layer.tar.bytes();
  }

  private final class Layer {
    private final Tars tar = new Tars();
    private final TreeMap<String, Node> lower = new TreeMap<>(tree);
    private final Set<String> own = new HashSet<>();
    private final Set<String> removed = new HashSet<>();

    void addSomething() {
      switch (random.nextInt(10)) {
        case 0, 1, 2 -> file(freshPath());
        case 3, 4 -> directory();
        case 5 -> symlink(freshPath());
        case 6 -> hardLink();
        case 7 -> whiteout();
        case 8 -> opaque();
        default -> throughLink();
      }
    }

    private String freshPath() {
      List<String> parents = new ArrayList<>(List.of(""));
      tree.forEach((path, node) -> {
        if (node.type() == 'd' && !isBelowRemoved(path)) {
          parents.add(path + "/");
        }
      });
      String parent = parents.get(random.nextInt(parents.size()));
      if (random.nextInt(4) == 0) {
        parent += "new" + names++ + "/"; // a parent that nothing describes
      }
      return parent + "n" + names++;
    }

    private void addParents(String path) {
      for (int slash = path.indexOf('/'); slash > 0; slash = path.indexOf('/', slash + 1)) {
        tree.computeIfAbsent(path.substring(0, slash), _ -> new Node('d', 0755, 0, EPOCH, ""));
      }
    }

    private void put(String path, Node node) {
      addParents(path);
      tree.put(path, node);
      own.add(path);
    }

    private void file(String path) {
      String text = "content-" + names++;
      int mode = random.nextBoolean() ? 0644 : 04755;
      int owner = random.nextInt(3);
      var entry = Tars.entry(path, TarConstants.LF_NORMAL);
      entry.setMode(mode);
      entry.setIds(owner, owner);
      tar.add(entry, text.getBytes(UTF_8));
      put(path, new Node('f', mode, owner, TIME, text));
    }

    private void directory() {
      // Often one that is there already: its looks change, its content stays.
      List<String> present = lowerPaths('d');
      String path =
          present.isEmpty() || random.nextBoolean()
              ? freshPath()
              : present.get(random.nextInt(present.size()));
      if (own.contains(path)) {
        return;
      }
      int mode = random.nextBoolean() ? 0755 : 01777;
      tar.directory(path, mode);
      put(path, new Node('d', mode, 0, TIME, ""));
    }

    private void symlink(String path) {
      List<String> directories = lowerPaths('d');
      String target =
          directories.isEmpty()
              ? "nowhere"
              : "/" + directories.get(random.nextInt(directories.size()));
      tar.symlink(path, target);
      put(path, new Node('l', 0777, 0, TIME, target));
    }

    private void hardLink() {
      List<String> files = new ArrayList<>();
      tree.forEach((path, node) -> {
        if (node.type() == 'f' && !isBelowRemoved(path)) {
          files.add(path);
        }
      });
      if (files.isEmpty()) {
        return;
      }
      String target = files.get(random.nextInt(files.size()));
      String path = freshPath();
      tar.hardLink(path, target);
      Node node = tree.get(target);
      if (!own.contains(target)) {
        // Copied up: from now on apart from other names that lower layers have for it.
        node = new Node(node.type(), node.mode(), node.owner(), node.time(), node.text());
        put(target, node);
      }
      put(path, node);
    }

    private void whiteout() {
      List<String> paths = new ArrayList<>(lower.keySet());
      paths.removeIf(path -> isBelowRemoved(path) || hasOwnBelow(path));
      if (paths.isEmpty()) {
        return;
      }
      String path = paths.get(random.nextInt(paths.size()));
      tar.file(withPrefix(path, ".wh."), "");
      removeBelow(path);
      tree.remove(path);
      removed.add(path);
      if (random.nextInt(3) == 0) {
        tar.directory(path); // replaced by a directory that hides what was there
        put(path, new Node('d', 0755, 0, TIME, ""));
      }
    }

    private void opaque() {
      List<String> directories = lowerPaths('d');
      directories.removeIf(this::hasOwnBelow);
      if (directories.isEmpty()) {
        return;
      }
      String path = directories.get(random.nextInt(directories.size()));
      boolean markFirst = random.nextBoolean();
      if (markFirst) {
        tar.file(path + "/.wh..wh..opq", "");
      }
      removeBelow(path);
      if (!own.contains(path)) {
        tar.directory(path, 0711);
        put(path, new Node('d', 0711, 0, TIME, ""));
      }
      file(path + "/kept" + names++);
      if (!markFirst) {
        tar.file(path + "/.wh..wh..opq", "");
      }
      removed.add(path + "/?"); // nothing of the lower directory may be used any more
    }

    /** Writes below a directory by the name of a lower layer's symbolic link to it. */
    private void throughLink() {
      for (String link : lowerPaths('l')) {
        String target = lower.get(link).text().substring(1);
        Node directory = tree.get(target);
        if (directory != null
            && directory.type() == 'd'
            && lower.containsKey(target)
            && !isBelowRemoved(target)
            && !own.contains(link)) {
          String name = "through" + names++;
          String text = "content-" + names++;
          tar.file(link + "/" + name, text);
          put(target + "/" + name, new Node('f', 0644, 0, TIME, text));
          own.add(link + "/" + name); // the link stays, or the way through it means nothing
          return;
        }
      }
    }

    private List<String> lowerPaths(char type) {
      List<String> paths = new ArrayList<>();
      lower.forEach((path, node) -> {
        if (node.type() == type && tree.containsKey(path) && !isBelowRemoved(path)) {
          paths.add(path);
        }
      });
      return paths;
    }

    private boolean isBelowRemoved(String path) {
      return removed.stream()
          .anyMatch(gone ->
              path.equals(gone)
                  || path.startsWith(gone + "/")
                  || (gone.endsWith("/?")
                      && (path + "/").startsWith(gone.substring(0, gone.length() - 1))));
    }

    private boolean hasOwnBelow(String path) {
      return own.stream().anyMatch(p -> p.equals(path) || p.startsWith(path + "/"));
    }

    private void removeBelow(String path) {
      tree.keySet().removeIf(other -> other.startsWith(path + "/"));
    }

    private static String withPrefix(String path, String prefix) {
      int slash = path.lastIndexOf('/') + 1;
      return path.substring(0, slash) + prefix + path.substring(slash);
    }
  }
}
