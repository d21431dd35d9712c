#include "tracks.cuh"

AP_API int32_t ap_class_posterior(const ap::ClassPosteriorArgs& args, void*) {
  const ap::ClassPosteriorArgs a = args;
  const ap::ClassRow* table = reinterpret_cast<const ap::ClassRow*>(a.classes);
  for (int64_t i = 0; i < a.p.n; ++i)
    ap::class_posterior(a.evidence + ap::kClasses * i, a.road_user_log_odds[i], a.seen + 2 * i, a.complete + 2 * i, a.height[i], a.speed[i], a.travel[i],
                        table, a.out + ap::kClasses * i);
  return 0;
}

AP_API int32_t ap_displacement(const ap::DisplacementArgs& args, void*) {
  const ap::DisplacementArgs a = args;
  if (a.p.frames < 2) return ap::kNoHistory;
  const ap::PastFrame* past = reinterpret_cast<const ap::PastFrame*>(a.history);
  ap::Shift* shifts = reinterpret_cast<ap::Shift*>(a.out);
  for (int64_t i = 0; i < a.p.m; ++i) {
    if (a.rows[i] < 0 || a.rows[i] >= a.p.n) return ap::kNoRow;
    shifts[i] = ap::displacement(past + a.p.frames * a.rows[i], a.p.frames, a.p.window);
  }
  return 0;
}
