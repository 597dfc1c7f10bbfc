// kvreel-viewer: replay and compare traces.
#include "viewer/panels/window.h"
#include "viewer/shell/host.h"

int main() {
  return 0;
}
