package dev.berth.image.registry;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.spec.InvalidKeySpecException;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Reads certificates and private keys as they lie beside a {@code hosts.toml}: PEM, the key in any
 * of the forms that openssl writes unencrypted.
 *
 * <p>The JDK reads PKCS #8 alone, so the older forms are wrapped into it: PKCS #1 (RFC 8017, A.1.2)
 * and SEC 1 (RFC 5915).
 */
final class PemFiles {
  private static final Pattern BLOCK =
      Pattern.compile("-----BEGIN ([A-Z0-9 ]+)-----([^-]*)-----END \\1-----");

  // Tags of DER.
  private static final int INTEGER = 0x02;
  private static final int OCTETS = 0x04;
  private static final int SEQUENCE = 0x30;
  private static final int PARAMETERS = 0xa0;

  private static final byte[] VERSION_0 = {INTEGER, 1, 0};

  /** rsaEncryption and NULL: RFC 8017, A.1. */
  private static final byte[] RSA = HexFormat.of().parseHex("06092a864886f70d0101010500");

  /** id-ecPublicKey: RFC 5480, 2.1.1. The curve follows. */
  private static final byte[] EC = HexFormat.of().parseHex("06072a8648ce3d0201");

  private PemFiles() {}

  /** Returns the certificates in a file that may hold a key too. */
  static List<Certificate> certificates(Path file) throws IOException, GeneralSecurityException {
    List<String> unreadable = new ArrayList<>();
    List<Certificate> certificates = certificates(file, unreadable);
    if (!unreadable.isEmpty()) {
      throw new CertificateException(file + ": " + unreadable.getFirst());
    }
    if (certificates.isEmpty()) {
      throw new CertificateException(file + ": no certificate in it");
    }
    return certificates;
  }

  /**
   * Returns those certificates in a file that can be read.
   *
   * @param unreadable gets the reason for each of the others
   */
  static List<Certificate> certificates(Path file, List<String> unreadable) throws IOException {
    List<Certificate> certificates = new ArrayList<>();
    Matcher block = BLOCK.matcher(Files.readString(file, StandardCharsets.ISO_8859_1));
    while (block.find()) {
      if (block.group(1).equals("CERTIFICATE")) {
        try {
          certificates.add(certificate(block.group(2)));
        } catch (CertificateException | IllegalArgumentException e) {
          unreadable.add(String.valueOf(e.getMessage()));
        }
      }
    }
    return certificates;
  }

  private static Certificate certificate(String base64) throws CertificateException {
    byte[] der = Base64.getMimeDecoder().decode(base64);
    return CertificateFactory.getInstance("X.509")
        .generateCertificate(new ByteArrayInputStream(der));
  }

  /** Returns the first key in a file that may hold certificates too. */
  static PrivateKey privateKey(Path file) throws IOException, GeneralSecurityException {
    Matcher block = BLOCK.matcher(Files.readString(file, StandardCharsets.ISO_8859_1));
    while (block.find()) {
      byte[] der = Base64.getMimeDecoder().decode(block.group(2));
      switch (block.group(1)) {
        case "PRIVATE KEY" -> {
          return key(file, der);
        }
        case "RSA PRIVATE KEY" -> {
          return key(file, pkcs8(RSA, der));
        }
        case "EC PRIVATE KEY" -> {
          return key(file, pkcs8(concat(EC, curve(file, der)), der));
        }
        case "ENCRYPTED PRIVATE KEY" ->
            throw new InvalidKeySpecException(file + ": the key is encrypted");
        default -> {} // a certificate, or parameters in front of the key
      }
    }
    throw new InvalidKeySpecException(file + ": no private key in it");
  }

  private static PrivateKey key(Path file, byte[] pkcs8) throws GeneralSecurityException {
    for (String algorithm : List.of("EC", "RSA", "EdDSA")) {
      try {
        return KeyFactory.getInstance(algorithm).generatePrivate(new PKCS8EncodedKeySpec(pkcs8));
      } catch (InvalidKeySpecException e) {
        // of another algorithm
      }
    }
    throw new InvalidKeySpecException(file + ": not a key of RSA, EC or EdDSA");
  }

  private static byte[] pkcs8(byte[] algorithm, byte[] key) {
    return der(SEQUENCE, concat(VERSION_0, der(SEQUENCE, algorithm), der(OCTETS, key)));
  }

  /** The curve's name stands in the optional parameters behind the key itself. */
  private static byte[] curve(Path file, byte[] sec1) throws InvalidKeySpecException {
    try {
      ByteBuffer fields = content(ByteBuffer.wrap(sec1));
      while (fields.hasRemaining()) {
        int tag = fields.get(fields.position()) & 0xff;
        ByteBuffer field = content(fields);
        if (tag == PARAMETERS) {
          byte[] curve = new byte[field.remaining()];
          field.get(curve);
          return curve;
        }
      }
    } catch (RuntimeException e) { // lengths that lie
      throw new InvalidKeySpecException(file + ": not DER", e);
    }
    throw new InvalidKeySpecException(file + ": the key does not name its curve");
  }

  /** Takes one value off the front and returns what is in it. */
  private static ByteBuffer content(ByteBuffer from) {
    from.get(); // the tag
    int length = from.get() & 0xff;
    if (length >= 0x80) {
      int bytes = length & 0x7f;
      length = 0;
      for (int i = 0; i < bytes; i++) {
        length = (length << 8) | (from.get() & 0xff);
      }
    }
    ByteBuffer content = from.slice(from.position(), length);
    from.position(from.position() + length);
    return content;
  }

  private static byte[] der(int tag, byte[] content) {
    var out = new ByteArrayOutputStream();
    out.write(tag);
    if (content.length < 0x80) {
      out.write(content.length);
    } else { // keys have less than 64 KiB
      out.write(0x82);
      out.write(content.length >> 8);
      out.write(content.length);
    }
    out.writeBytes(content);
    return out.toByteArray();
  }

  private static byte[] concat(byte[]... parts) {
    var out = new ByteArrayOutputStream();
    for (byte[] part : parts) {
      out.writeBytes(part);
    }
    return out.toByteArray();
  }
}
