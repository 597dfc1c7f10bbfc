// A window of the desktop: GLFW and OpenGL 3.3.
#define GL_GLEXT_PROTOTYPES
// GLFW's own choice of OpenGL headers would lack the prototypes.
#define GLFW_INCLUDE_NONE
#include <GL/gl.h>
#include <GL/glext.h>
#include <GLFW/glfw3.h>
#include <backends/imgui_impl_glfw.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <utility>

#include "base/error.h"
#include "viewer/shell/gl_drawing.h"
#include "viewer/shell/host.h"
#include "viewer/shell/icon.h"

namespace kvreel::viewer {
namespace {

// GLFW, as long as this lives.
class GlfwScope {
 public:
  GlfwScope() {
    if (glfwInit() == GLFW_TRUE) return;
    const bool named = std::getenv("DISPLAY") != nullptr;
    fail(
        "There is no display to open a window on ({}). With --headless --shot picture.png the "
        "viewer draws off screen.",
        named ? "that of DISPLAY does not answer" : "DISPLAY is not set");
  }
  ~GlfwScope() { glfwTerminate(); }
  GlfwScope(const GlfwScope&) = delete;
  GlfwScope& operator=(const GlfwScope&) = delete;
};

struct DestroyWindow {
  void operator()(GLFWwindow* window) const { glfwDestroyWindow(window); }
};
using GlfwWindow = std::unique_ptr<GLFWwindow, DestroyWindow>;

// The key as KeyPress says it, 0 where it has none. Letters are those of the keyboard's layout.
int key_code(int key, int scancode) {
  switch (key) {
    case GLFW_KEY_SPACE:
      return KeyPress::kSpace;
    case GLFW_KEY_ESCAPE:
      return KeyPress::kEscape;
    case GLFW_KEY_ENTER:
    case GLFW_KEY_KP_ENTER:
      return KeyPress::kEnter;
    case GLFW_KEY_BACKSPACE:
      return KeyPress::kBackspace;
    case GLFW_KEY_DELETE:
      return KeyPress::kDelete;
    case GLFW_KEY_LEFT:
      return KeyPress::kLeft;
    case GLFW_KEY_RIGHT:
      return KeyPress::kRight;
    case GLFW_KEY_UP:
      return KeyPress::kUp;
    case GLFW_KEY_DOWN:
      return KeyPress::kDown;
    case GLFW_KEY_HOME:
      return KeyPress::kHome;
    case GLFW_KEY_END:
      return KeyPress::kEnd;
    case GLFW_KEY_PAGE_UP:
      return KeyPress::kPageUp;
    case GLFW_KEY_PAGE_DOWN:
      return KeyPress::kPageDown;
    case GLFW_KEY_F1:
      return KeyPress::kF1;
    case GLFW_KEY_KP_ADD:
      return '+';
    case GLFW_KEY_KP_SUBTRACT:
      return '-';
    default:
      break;
  }
  if (key >= GLFW_KEY_0 && key <= GLFW_KEY_9) return key;
  const char* const name = glfwGetKeyName(key, scancode);
  if (name != nullptr && name[0] > ' ' && name[0] < 0x7f && name[1] == '\0') {
    const char c = name[0];
    return c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c;
  }
  return key > ' ' && key < 0x7f ? key : 0;
}

class WindowHost : public Host {
 public:
  WindowHost(const std::string& title, int width, int height)
      : window_(make_window(title, width, height)), imgui_(), renderer_() {
    GLFWwindow* const window = window_.get();
    glfwSetWindowUserPointer(window, this);
    // Before the backend's, which call these in turn.
    glfwSetKeyCallback(window, [](GLFWwindow* w, int key, int scancode, int action, int mods) {
      self(w).on_key(key, scancode, action, mods);
    });
    glfwSetCharCallback(window, [](GLFWwindow* w, unsigned code) { self(w).on_character(code); });
    glfwSetMouseButtonCallback(window,
                               [](GLFWwindow* w, int, int, int) { self(w).active_ = true; });
    glfwSetScrollCallback(window, [](GLFWwindow* w, double, double) { self(w).active_ = true; });
    glfwSetCursorPosCallback(window, [](GLFWwindow* w, double, double) { self(w).active_ = true; });
    glfwSetCursorEnterCallback(window, [](GLFWwindow* w, int) { self(w).active_ = true; });
    glfwSetWindowFocusCallback(window, [](GLFWwindow* w, int) { self(w).active_ = true; });
    glfwSetFramebufferSizeCallback(window, [](GLFWwindow* w, int, int) { self(w).active_ = true; });
    glfwSetWindowContentScaleCallback(window,
                                      [](GLFWwindow* w, float, float) { self(w).active_ = true; });
    glfwSetWindowIconifyCallback(window, [](GLFWwindow* w, int) { self(w).active_ = true; });
    glfwSetWindowRefreshCallback(window, [](GLFWwindow* w) { self(w).active_ = true; });
    glfwSetDropCallback(window, [](GLFWwindow* w, int count, const char** paths) {
      WindowHost& host = self(w);
      host.active_ = true;
      host.dropped_.insert(host.dropped_.end(), paths, paths + count);
    });
    if (!ImGui_ImplGlfw_InitForOpenGL(window, true)) fail("The window does not take input.");
    set_icon();
  }
  ~WindowHost() override { ImGui_ImplGlfw_Shutdown(); }

  ImVec2 size() const override {
    int width = 0;
    int height = 0;
    glfwGetFramebufferSize(window_.get(), &width, &height);
    return {static_cast<float>(std::max(width, 1)), static_cast<float>(std::max(height, 1))};
  }
  float content_scale() const override {
    float x = 1;
    float y = 1;
    glfwGetWindowContentScale(window_.get(), &x, &y);
    return std::isfinite(x) && x > 0 ? x : 1;
  }
  bool should_close() const override { return glfwWindowShouldClose(window_.get()) == GLFW_TRUE; }
  bool minimized() const override {
    return glfwGetWindowAttrib(window_.get(), GLFW_ICONIFIED) == GLFW_TRUE;
  }
  void wait(double seconds) override {
    if (seconds <= 0) {
      glfwPollEvents();
    } else if (!active_) {
      glfwWaitEventsTimeout(seconds);
    }
  }
  void wake() override {
    active_ = true;
    glfwPostEmptyEvent();
  }
  bool take_activity() override { return active_.exchange(false); }
  std::vector<KeyPress> take_keys() override { return std::exchange(keys_, {}); }
  std::vector<std::string> take_dropped() override { return std::exchange(dropped_, {}); }
  void set_title(const std::string& title) override {
    glfwSetWindowTitle(window_.get(), title.c_str());
  }

  void begin_frame(bool show_pointer) override {
    renderer_.new_frame();
    ImGui_ImplGlfw_NewFrame();
    ImGuiIO& io = ImGui::GetIO();
    if (!show_pointer) io.MousePos = {-FLT_MAX, -FLT_MAX};
    hold_short_presses(io);
    ImGui::NewFrame();
  }
  void end_frame(Picture* copy) override {
    const ImVec2 pixels = size();
    const auto width = static_cast<int>(pixels.x);
    const auto height = static_cast<int>(pixels.y);
    renderer_.draw(width, height);
    // After the buffers are swapped the picture is gone.
    if (copy != nullptr) *copy = read_pixels(width, height);
    glfwSwapBuffers(window_.get());
  }
  void fonts_changed() override { renderer_.fonts_changed(); }
  Textures& textures() override { return renderer_.textures; }

 private:
  static WindowHost& self(GLFWwindow* window) {
    return *static_cast<WindowHost*>(glfwGetWindowUserPointer(window));
  }

  static GlfwWindow make_window(const std::string& title, int width, int height) {
    glfwWindowHint(GLFW_CONTEXT_VERSION_MAJOR, 3);
    glfwWindowHint(GLFW_CONTEXT_VERSION_MINOR, 3);
    glfwWindowHint(GLFW_OPENGL_PROFILE, GLFW_OPENGL_CORE_PROFILE);
    glfwWindowHintString(GLFW_X11_CLASS_NAME, "kvreel-viewer");
    glfwWindowHintString(GLFW_X11_INSTANCE_NAME, "kvreel-viewer");
    // Not larger than the screen.
    int x = 0;
    int y = 0;
    int room_width = 0;
    int room_height = 0;
    if (GLFWmonitor* monitor = glfwGetPrimaryMonitor()) {
      glfwGetMonitorWorkarea(monitor, &x, &y, &room_width, &room_height);
    }
    if (room_width > 0 && room_height > 0) {
      width = std::min(width, room_width);
      height = std::min(height, room_height);
    }
    GlfwWindow window(glfwCreateWindow(width, height, title.c_str(), nullptr, nullptr));
    if (!window) {
      const char* why = nullptr;
      glfwGetError(&why);
      fail(
          "A window with OpenGL 3.3 cannot be opened ({}). LIBGL_ALWAYS_SOFTWARE=1 draws without a "
          "graphics card; --headless --shot picture.png draws off screen.",
          why == nullptr ? "no reason is given" : why);
    }
    glfwMakeContextCurrent(window.get());
    glfwSwapInterval(1);
    glfwSetWindowSizeLimits(window.get(), 480, 320, GLFW_DONT_CARE, GLFW_DONT_CARE);
    return window;
  }

  void set_icon() {
    std::vector<Picture> pictures = {icon_picture(16), icon_picture(32), icon_picture(48),
                                     icon_picture(128)};
    std::vector<GLFWimage> images;
    for (Picture& picture : pictures) {
      images.push_back({picture.width, picture.height, picture.rgba.data()});
    }
    glfwSetWindowIcon(window_.get(), static_cast<int>(images.size()), images.data());
  }

  void on_key(int key, int scancode, int action, int mods) {
    active_ = true;
    if (key < 0 || key > GLFW_KEY_LAST) return;
    if (action == GLFW_RELEASE) {
      if (std::find(pressed_.begin(), pressed_.end(), key) != pressed_.end()) short_.push_back(key);
      return;
    }
    pressed_.push_back(key);
    // Alt and Super belong to the desktop.
    if ((mods & (GLFW_MOD_ALT | GLFW_MOD_SUPER)) != 0) return;
    const int code = key_code(key, scancode);
    const bool control = (mods & GLFW_MOD_CONTROL) != 0;
    // A slash is a character: on many keyboards Shift makes it.
    if (code == 0 || (code == KeyPress::kSlash && !control)) return;
    // Whether plus needs Shift depends on the keyboard: "larger" is Ctrl and that key.
    const bool plus = code == '+' || (code == '=' && control);
    keys_.push_back(plus ? KeyPress{'+', false, control}
                         : KeyPress{code, (mods & GLFW_MOD_SHIFT) != 0, control});
  }

  void on_character(unsigned code) {
    active_ = true;
    if (code == '/') keys_.push_back({KeyPress::kSlash, false, false});
  }

  // The backend only tells whether a key is down now: one that went down and up since the last
  // frame would be lost to text fields. It is held for this frame.
  void hold_short_presses(ImGuiIO& io) {
    for (const int key : held_) {
      const bool again = std::find(pressed_.begin(), pressed_.end(), key) != pressed_.end();
      if (!again) io.KeysDown[key] = false;
    }
    for (const int key : short_) io.KeysDown[key] = true;
    held_ = std::exchange(short_, {});
    pressed_.clear();
  }

  GlfwScope glfw_;
  GlfwWindow window_;
  ImGuiScope imgui_;
  GlRenderer renderer_;
  std::atomic<bool> active_ = true;
  std::vector<KeyPress> keys_;
  std::vector<std::string> dropped_;
  std::vector<int> pressed_;  // GLFW's keys, since the last frame
  std::vector<int> short_;    // and released again
  std::vector<int> held_;     // for the frame that is drawn
};

}  // namespace

std::unique_ptr<Host> open_window(const std::string& title, int width, int height) {
  return std::make_unique<WindowHost>(title, width, height);
}

}  // namespace kvreel::viewer
