// SHA-256 through OpenSSL's EVP interface.
#include "base/sha256.h"

#include <openssl/evp.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

#include "base/error.h"

namespace kvreel {
namespace {

class Digest {
 public:
  Digest() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
    if (!context_ || EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) != 1) {
      fail("SHA-256 is not available in this OpenSSL.");
    }
  }
  void update(const void* data, size_t size) {
    if (EVP_DigestUpdate(context_.get(), data, size) != 1) fail("SHA-256 failed.");
  }
  std::string hex() {
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    if (EVP_DigestFinal_ex(context_.get(), bytes, &size) != 1) fail("SHA-256 failed.");
    std::string text;
    for (unsigned int i = 0; i < size; ++i) text += fmt::format("{:02x}", bytes[i]);
    return text;
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

void add_file(Digest& digest, const std::filesystem::path& path,
              const std::function<void(size_t)>& progress) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"),
                                                             std::fclose);
  if (!file) fail("Cannot read '{}': {}.", path.string(), std::strerror(errno));
  std::vector<char> piece(1 << 20);
  while (const size_t size = std::fread(piece.data(), 1, piece.size(), file.get())) {
    digest.update(piece.data(), size);
    if (progress) progress(size);
  }
  if (std::ferror(file.get())) fail("Cannot read '{}' to its end.", path.string());
}

}  // namespace

std::string sha256(std::string_view bytes) {
  Digest digest;
  digest.update(bytes.data(), bytes.size());
  return digest.hex();
}

std::string sha256_file(const std::filesystem::path& path,
                        const std::function<void(size_t)>& progress) {
  Digest digest;
  add_file(digest, path, progress);
  return digest.hex();
}

std::string sha256_files(const std::vector<std::string>& paths) {
  Digest digest;
  for (const std::string& path : paths) add_file(digest, path, {});
  return digest.hex();
}

}  // namespace kvreel
