#include "port.h"

// Empties the work memory that kernels keep for the calling thread: it has grown with the largest sweep so far.
AP_API void ap_release() {
  for (void (*const release)() : ap::kept_of_thread()) release();
}

AP_API const char* ap_border() { return AP_BORDER; }
