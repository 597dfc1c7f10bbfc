// What hosts share.
#include "viewer/shell/host.h"
