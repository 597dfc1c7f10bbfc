// Pictures without a display server: EGL with a frame buffer object.
#define GL_GLEXT_PROTOTYPES
#define EGL_EGLEXT_PROTOTYPES
#include <EGL/egl.h>
#include <EGL/eglext.h>
#include <GL/gl.h>
#include <GL/glext.h>

#include <atomic>
#include <condition_variable>
#include <mutex>

#include "base/error.h"
#include "viewer/shell/gl_drawing.h"
#include "viewer/shell/host.h"
#include "viewer/shell/keys.h"

namespace kvreel::viewer {
namespace {

// An OpenGL 3.3 core context without a surface, current as long as this lives.
class EglContext {
 public:
  EglContext() {
    display_ = open_display();
    if (display_ == EGL_NO_DISPLAY) {
      fail(
          "There is no EGL that can draw off screen. Install libegl1 and libgl1-mesa-dri, or open "
          "a window instead (without --headless).");
    }
    if (eglBindAPI(EGL_OPENGL_API) == EGL_FALSE) stop("OpenGL is not offered");
    const EGLint wanted[] = {EGL_RENDERABLE_TYPE, EGL_OPENGL_BIT, EGL_SURFACE_TYPE, 0, EGL_NONE};
    EGLConfig config = nullptr;
    EGLint count = 0;
    if (eglChooseConfig(display_, wanted, &config, 1, &count) == EGL_FALSE || count < 1) {
      stop("there is no configuration for OpenGL");
    }
    const EGLint version[] = {EGL_CONTEXT_MAJOR_VERSION,
                              3,
                              EGL_CONTEXT_MINOR_VERSION,
                              3,
                              EGL_CONTEXT_OPENGL_PROFILE_MASK,
                              EGL_CONTEXT_OPENGL_CORE_PROFILE_BIT,
                              EGL_NONE};
    context_ = eglCreateContext(display_, config, EGL_NO_CONTEXT, version);
    if (context_ == EGL_NO_CONTEXT) stop("OpenGL 3.3 is not offered");
    if (eglMakeCurrent(display_, EGL_NO_SURFACE, EGL_NO_SURFACE, context_) == EGL_FALSE) {
      stop("a context without a surface is refused");
    }
  }
  ~EglContext() { release(); }
  EglContext(const EglContext&) = delete;
  EglContext& operator=(const EglContext&) = delete;

 private:
  // Mesa's surfaceless platform first, which draws the same pixels on every machine; then the
  // devices, which is what other vendors offer.
  static EGLDisplay open_display() {
    const auto initialized = [](EGLDisplay display) {
      return display != EGL_NO_DISPLAY && eglInitialize(display, nullptr, nullptr) == EGL_TRUE;
    };
    const EGLDisplay surfaceless =
        eglGetPlatformDisplay(EGL_PLATFORM_SURFACELESS_MESA, EGL_DEFAULT_DISPLAY, nullptr);
    if (initialized(surfaceless)) return surfaceless;
    const auto query =
        reinterpret_cast<PFNEGLQUERYDEVICESEXTPROC>(eglGetProcAddress("eglQueryDevicesEXT"));
    EGLDeviceEXT devices[16];
    EGLint count = 0;
    if (query == nullptr || query(16, devices, &count) == EGL_FALSE) return EGL_NO_DISPLAY;
    for (EGLint i = 0; i < count; ++i) {
      const EGLDisplay display =
          eglGetPlatformDisplay(EGL_PLATFORM_DEVICE_EXT, devices[i], nullptr);
      if (initialized(display)) return display;
    }
    return EGL_NO_DISPLAY;
  }
  [[noreturn]] void stop(const char* why) {
    const EGLint code = eglGetError();
    release();
    fail("Cannot draw off screen: {} (EGL error {:#x}).", why, code);
  }
  void release() {
    if (display_ == EGL_NO_DISPLAY) return;
    eglMakeCurrent(display_, EGL_NO_SURFACE, EGL_NO_SURFACE, EGL_NO_CONTEXT);
    if (context_ != EGL_NO_CONTEXT) eglDestroyContext(display_, context_);
    eglTerminate(display_);
    eglReleaseThread();
    display_ = EGL_NO_DISPLAY;
  }

  EGLDisplay display_ = EGL_NO_DISPLAY;
  EGLContext context_ = EGL_NO_CONTEXT;
};

class FrameBuffer {
 public:
  FrameBuffer(int width, int height) {
    glGenFramebuffers(1, &buffer_);
    glGenRenderbuffers(1, &color_);
    resize(width, height);
  }
  ~FrameBuffer() {
    glDeleteFramebuffers(1, &buffer_);
    glDeleteRenderbuffers(1, &color_);
  }
  FrameBuffer(const FrameBuffer&) = delete;
  FrameBuffer& operator=(const FrameBuffer&) = delete;
  void resize(int width, int height) {
    glBindRenderbuffer(GL_RENDERBUFFER, color_);
    glRenderbufferStorage(GL_RENDERBUFFER, GL_RGBA8, width, height);
    glBindFramebuffer(GL_FRAMEBUFFER, buffer_);
    glFramebufferRenderbuffer(GL_FRAMEBUFFER, GL_COLOR_ATTACHMENT0, GL_RENDERBUFFER, color_);
    if (glCheckFramebufferStatus(GL_FRAMEBUFFER) != GL_FRAMEBUFFER_COMPLETE) {
      fail("The OpenGL driver cannot draw into a picture of {} x {} pixels.", width, height);
    }
  }

 private:
  GLuint buffer_ = 0;
  GLuint color_ = 0;
};

class EglHost : public OffscreenHost {
 public:
  EglHost(int width, int height, float scale)
      : frame_buffer_(width, height), width_(width), height_(height), scale_(scale) {
    ImGuiIO& io = ImGui::GetIO();
    io.BackendPlatformName = "offscreen";
    set_key_map(io);
  }

  ImVec2 size() const override { return {static_cast<float>(width_), static_cast<float>(height_)}; }
  float content_scale() const override { return scale_; }
  bool should_close() const override { return false; }
  bool minimized() const override { return false; }
  void wait(double seconds) override {
    std::unique_lock lock(mutex_);
    woken_.wait_for(lock, std::chrono::duration<double>(seconds), [this] { return active_; });
  }
  void wake() override {
    const std::lock_guard lock(mutex_);
    active_ = true;
    woken_.notify_all();
  }
  bool take_activity() override {
    const std::lock_guard lock(mutex_);
    return std::exchange(active_, false);
  }
  std::vector<KeyPress> take_keys() override { return std::exchange(input_.keys, {}); }
  std::vector<std::string> take_dropped() override { return std::exchange(input_.dropped, {}); }
  void set_title(const std::string&) override {}

  void begin_frame(bool show_pointer) override {
    renderer_.new_frame();
    ImGuiIO& io = ImGui::GetIO();
    io.DisplaySize = size();
    io.DeltaTime = static_cast<float>(kOffscreenFrameSeconds);
    const bool inside = show_pointer && input_.pointer.x >= 0 && input_.pointer.y >= 0;
    io.MousePos = inside ? input_.pointer : ImVec2{-FLT_MAX, -FLT_MAX};
    for (size_t i = 0; i < input_.down.size(); ++i) io.MouseDown[i] = input_.down[i];
    io.MouseWheel = std::exchange(input_.wheel, 0.f);
    // Held for one frame, so that text fields see them as well as the queue of presses.
    press_keys(io, input_.keys);
    if (!input_.text.empty()) io.AddInputCharactersUTF8(std::exchange(input_.text, {}).c_str());
    ImGui::NewFrame();
  }
  void end_frame(Picture* copy) override {
    renderer_.draw(width_, height_);
    if (copy != nullptr) *copy = read_pixels(width_, height_);
  }
  void fonts_changed() override { renderer_.fonts_changed(); }
  Textures& textures() override { return renderer_.textures; }

  Input& input() override { return input_; }
  void resize(int width, int height) override {
    frame_buffer_.resize(width, height);
    width_ = width;
    height_ = height;
  }
  std::string renderer() const override { return gl_string(GL_RENDERER); }
  std::string gl_version() const override { return gl_string(GL_VERSION); }

 private:
  EglContext egl_;
  ImGuiScope imgui_;
  GlRenderer renderer_;
  FrameBuffer frame_buffer_;
  int width_;
  int height_;
  float scale_;
  Input input_;
  std::mutex mutex_;
  std::condition_variable woken_;
  bool active_ = false;
};

}  // namespace

std::unique_ptr<OffscreenHost> open_offscreen(int width, int height, float scale) {
  return std::make_unique<EglHost>(width, height, scale);
}

}  // namespace kvreel::viewer
