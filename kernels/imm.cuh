// Interacting multiple models of a tracked object (Blom and Bar-Shalom, IEEE TAC 33(8), 1988): constant velocity,
// constant turn rate and kinematic bicycle over the state x y vx vy yaw omega of the box centre.
//
// CV and CT after Bar-Shalom, Li, Kirubarajan, "Estimation with Applications to Tracking and Navigation" (2001),
// ch. 6 and 11 (CT with the chord at half the turn instead of the sinc form, which agrees to third order in
// omega*dt); bicycle after Polack et al., "The kinematic bicycle model" (IV 2017), with the reference moved from the
// rear axle to the box centre. Double precision: positions are in odom and may be kilometres.
#pragma once
#include "port.h"

namespace ap {

constexpr int kModels = 3, kStates = 6;
enum ImmState { kX, kY, kVx, kVy, kYaw, kOmega };
constexpr double kTanMaxSteer = 0.8422883804630794;  // tan(0.7 rad): no road vehicle steers more

typedef double Row6[kStates];

// Probabilities of going from one model (row) to another (column) within one step, of vehicles and of others.
struct Transition {
  double p[2][kModels][kModels];
};

// A vehicle steers; what is no vehicle (pedestrian, unknown) has no heading to follow and stays with constant
// velocity almost always. The tables hold for 0.1 s.
inline Transition transition_of(double dt) {
  constexpr double stay[2][kModels][kModels] = {
      {{0.97, 0.028, 0.002}, {0.20, 0.798, 0.002}, {0.50, 0.20, 0.30}},  // others
      {{0.90, 0.04, 0.06}, {0.06, 0.90, 0.04}, {0.05, 0.03, 0.92}}};     // vehicles
  const double share = dt / 0.1 < 3.0 ? dt / 0.1 : 3.0;
  Transition t;
  for (int v = 0; v < 2; ++v)
    for (int i = 0; i < kModels; ++i) {
      double sum = 0.0;
      for (int j = 0; j < kModels; ++j) {
        const double one = i == j ? 1.0 : 0.0, p = one + share * (stay[v][i][j] - one);
        t.p[v][i][j] = p < 0.001 ? 0.001 : p > 1.0 ? 1.0 : p;
        sum += t.p[v][i][j];
      }
      for (int j = 0; j < kModels; ++j) t.p[v][i][j] /= sum;
    }
  return t;
}

AP_HD void add_row(double factor, const double* in, double* out) {
  for (int k = 0; k < kStates; ++k) out[k] += factor * in[k];
}

// Adds w (d d^T) to a covariance.
AP_HD void add_outer(double w, const double* d, Row6* cov) {
  for (int r = 0; r < kStates; ++r) add_row(w * d[r], d, cov[r]);
}

// Moment-matched sum of the models with weights w (they sum to 1); cov may be null.
AP_HD void merge(const double* w, const Row6* means, const Row6* covs, double* mean, Row6* cov) {
  for (int k = 0; k < kStates; ++k) mean[k] = 0.0;
  for (int i = 0; i < kModels; ++i) add_row(w[i], means[i], mean);
  if (!cov) return;
  for (int r = 0; r < kStates; ++r)
    for (int k = 0; k < kStates; ++k) cov[r][k] = 0.0;
  for (int i = 0; i < kModels; ++i) {
    double d[kStates];
    for (int k = 0; k < kStates; ++k) d[k] = means[i][k] - mean[k];
    for (int r = 0; r < kStates; ++r) add_row(w[i], covs[kStates * i + r], cov[r]);
    add_outer(w[i], d, cov);
  }
}

// Moves a mean by dt and gives the Jacobian f: turning dies out within 0.5 s.
AP_HD void constant_velocity(double* m, double dt, double fade, Row6* f) {
  const double turned = 0.5 * (1.0 + fade) * dt;
  m[kX] += dt * m[kVx];
  m[kY] += dt * m[kVy];
  m[kYaw] += turned * m[kOmega];
  m[kOmega] *= fade;
  f[kX][kVx] = f[kY][kVy] = dt;
  f[kYaw][kOmega] = turned;
  f[kOmega][kOmega] = fade;
}

// The velocity vector turns with omega.
AP_HD void constant_turn(double* m, double dt, Row6* f) {
  const double vx = m[kVx], vy = m[kVy], omega = m[kOmega];
  const double c = cos(omega * dt), s = sin(omega * dt), ch = cos(0.5 * omega * dt), sh = sin(0.5 * omega * dt);
  m[kX] += (ch * vx - sh * vy) * dt;
  m[kY] += (sh * vx + ch * vy) * dt;
  m[kVx] = c * vx - s * vy;
  m[kVy] = s * vx + c * vy;
  m[kYaw] += omega * dt;
  f[kX][kVx] = f[kY][kVy] = ch * dt;
  f[kX][kVy] = -sh * dt;
  f[kY][kVx] = sh * dt;
  f[kX][kOmega] = (-sh * vx - ch * vy) * 0.5 * dt * dt;
  f[kY][kOmega] = (ch * vx - sh * vy) * 0.5 * dt * dt;
  f[kVx][kVx] = f[kVy][kVy] = c;
  f[kVx][kVy] = -s;
  f[kVy][kVx] = s;
  f[kVx][kOmega] = (-s * vx - c * vy) * dt;
  f[kVy][kOmega] = (c * vx - s * vy) * dt;
  f[kYaw][kOmega] = dt;
}

// Front-steered vehicle: the centre sits 0.3 length ahead of the rear axle and moves with
// s e(yaw) + 0.3 length omega n(yaw); omega is bounded by |s| tan(max steer) / (0.6 length).
AP_HD void bicycle(double* m, double length, double dt, Row6* f) {
  const double rear = 0.3 * length, c0 = cos(m[kYaw]), s0 = sin(m[kYaw]);
  const double speed = c0 * m[kVx] + s0 * m[kVy], slide = -s0 * m[kVx] + c0 * m[kVy];  // slide: d speed / d yaw
  const double bound = fabs(speed) * kTanMaxSteer / (2.0 * rear > 1.0 ? 2.0 * rear : 1.0);
  const double omega = m[kOmega] > bound ? bound : m[kOmega] < -bound ? -bound : m[kOmega], yaw = m[kYaw];
  f[kOmega][kOmega] = fabs(m[kOmega]) <= bound ? 1.0 : 0.1;
  f[kYaw][kOmega] = dt;
  m[kOmega] = omega;
  m[kYaw] += omega * dt;
  for (int part = 0; part < 2; ++part) {  // the place by the heading at half the turn, the velocity by that after it
    const int row = part == 0 ? kX : kVx;
    const double share = part == 0 ? 0.5 : 1.0, gain = part == 0 ? dt : 1.0;
    const double c = cos(yaw + share * omega * dt), s = sin(yaw + share * omega * dt);
    const double e[2] = {c, s}, n[2] = {-s, c};
    for (int k = 0; k < 2; ++k) {
      const double swing = speed * n[k] - rear * omega * e[k];  // d velocity / d angle
      m[row + k] = (speed * e[k] + rear * omega * n[k]) * gain + (part == 0 ? m[row + k] : 0.0);
      f[row + k][kVx] = gain * e[k] * c0;
      f[row + k][kVy] = gain * e[k] * s0;
      f[row + k][kYaw] = gain * (e[k] * slide + swing);
      f[row + k][kOmega] = gain * (swing * share * dt + rear * n[k]);
    }
  }
}

// cov <- F cov F^T, made symmetric. Jacobians are mostly zeros, which are skipped.
AP_HD void propagate(const Row6* f, Row6* cov) {
  for (int pass = 0; pass < 2; ++pass) {
    double t[kStates][kStates];
    for (int r = 0; r < kStates; ++r) {
      for (int k = 0; k < kStates; ++k) t[r][k] = 0.0;
      for (int k = 0; k < kStates; ++k)
        if (f[r][k] != 0.0) add_row(f[r][k], cov[k], t[r]);
    }
    for (int r = 0; r < kStates; ++r)  // the transpose of F cov goes through the same product again
      for (int k = 0; k < kStates; ++k) cov[r][k] = t[k][r];
  }
  for (int r = 0; r < kStates; ++r)
    for (int k = 0; k < r; ++k) cov[r][k] = cov[k][r] = 0.5 * (cov[r][k] + cov[k][r]);
}

// Adds process noise: white acceleration along and across the heading before the step, white turn acceleration and yaw drift.
// A car in the bicycle model hardly slides; what turns in CT need not be explained by acceleration.
AP_HD void add_noise(int model, double yaw, const double* noise, double dt, Row6* cov) {
  const double along_share = model == 1 ? 0.5 : 1.0, across_share = model == 0 ? 1.0 : model == 1 ? 0.5 : 0.15;
  const double turn_share = model == 0 ? 0.5 : 1.0;
  const double c = cos(yaw), s = sin(yaw), t2 = dt * dt;
  const double along = noise[0] * along_share * noise[0] * along_share;
  const double across = noise[0] * across_share * noise[0] * across_share;
  const double turn = noise[1] * turn_share * noise[1] * turn_share;
  const double block[2][2] = {{c * c * along + s * s * across, c * s * (along - across)},
                              {c * s * (along - across), s * s * along + c * c * across}};
  for (int r = 0; r < 2; ++r)
    for (int k = 0; k < 2; ++k) {
      cov[kX + r][kX + k] += 0.25 * t2 * t2 * block[r][k];
      cov[kX + r][kVx + k] += 0.5 * t2 * dt * block[r][k];
      cov[kVx + r][kX + k] += 0.5 * t2 * dt * block[r][k];
      cov[kVx + r][kVx + k] += t2 * block[r][k];
    }
  cov[kYaw][kYaw] += noise[2] * noise[2] * dt + 0.25 * t2 * t2 * turn;
  cov[kYaw][kOmega] += 0.5 * t2 * dt * turn;
  cov[kOmega][kYaw] += 0.5 * t2 * dt * turn;
  cov[kOmega][kOmega] += t2 * turn;
}

// One track: mixes the models and moves them by dt [s]. mean (3,6), cov (3,6,6), mu (3) are replaced. noise:
// acceleration [m/s^2], turn acceleration [rad/s^2], yaw drift [rad/sqrt(s)]; length [m]; fade = exp(-dt / 0.5 s).
AP_HD void imm_predict(double* mean, double* cov, double* mu, const double* noise, double length, bool vehicle,
                       const Transition& t, double dt, double fade) {
  const Row6* covs = reinterpret_cast<const Row6*>(cov);
  double mixed[kModels][kStates], mixed_cov[kModels][kStates][kStates], sum[kModels];
  for (int j = 0; j < kModels; ++j) {
    double w[kModels];
    sum[j] = 0.0;
    for (int i = 0; i < kModels; ++i) sum[j] += w[i] = mu[i] * t.p[vehicle][i][j];
    for (int i = 0; i < kModels; ++i) w[i] /= sum[j];
    merge(w, reinterpret_cast<const Row6*>(mean), covs, mixed[j], mixed_cov[j]);
  }
  for (int j = 0; j < kModels; ++j) {
    double f[kStates][kStates], *m = mixed[j];
    for (int r = 0; r < kStates; ++r)
      for (int k = 0; k < kStates; ++k) f[r][k] = r == k ? 1.0 : 0.0;
    const double yaw = m[kYaw];
    if (j == 0) {
      constant_velocity(m, dt, fade, f);
    } else if (j == 1) {
      constant_turn(m, dt, f);
    } else {
      for (int k = kVx; k <= kVy; ++k) f[k][k] = 0.0;  // filled by the model
      bicycle(m, length, dt, f);
    }
    propagate(f, mixed_cov[j]);
    add_noise(j, yaw, noise, dt, mixed_cov[j]);
    mu[j] = sum[j];
    for (int r = 0; r < kStates; ++r) {
      mean[kStates * j + r] = m[r];
      for (int k = 0; k < kStates; ++k) cov[kStates * kStates * j + kStates * r + k] = mixed_cov[j][r][k];
    }
  }
}

// Measures x, y, yaw (z, r (3,3)) in one model, seen at position + delay * velocity; returns the log-likelihood
// (without its constant). Closed-form inverse of the symmetric 3x3 innovation covariance.
AP_HD double measure_place(double* m, Row6* cov, const double* z, const double* r, double delay) {
  double ph[kStates][3], s[3][3];
  for (int k = 0; k < kStates; ++k) {
    ph[k][0] = cov[k][kX] + delay * cov[k][kVx];
    ph[k][1] = cov[k][kY] + delay * cov[k][kVy];
    ph[k][2] = cov[k][kYaw];
  }
  for (int k = 0; k < 3; ++k) {
    s[0][k] = ph[kX][k] + r[k] + delay * ph[kVx][k];
    s[1][k] = ph[kY][k] + r[3 + k] + delay * ph[kVy][k];
    s[2][k] = ph[kYaw][k] + r[6 + k];
  }
  const double y[3] = {z[0] - m[kX] - delay * m[kVx], z[1] - m[kY] - delay * m[kVy], z[2] - m[kYaw]};
  const double a = s[0][0], b = s[0][1], c = s[0][2], d = s[1][1], e = s[1][2], g = s[2][2];
  double inv[3][3] = {{d * g - e * e, c * e - b * g, b * e - c * d},
                      {c * e - b * g, a * g - c * c, b * c - a * e},
                      {b * e - c * d, b * c - a * e, a * d - b * b}};
  const double det = a * inv[0][0] + b * inv[0][1] + c * inv[0][2];
  double gain[kStates][3], distance = 0.0;
  for (int i = 0; i < 3; ++i)
    for (int k = 0; k < 3; ++k) inv[i][k] /= det;
  for (int i = 0; i < 3; ++i) distance += (inv[i][0] * y[0] + inv[i][1] * y[1] + inv[i][2] * y[2]) * y[i];
  for (int k = 0; k < kStates; ++k) {
    for (int i = 0; i < 3; ++i) gain[k][i] = ph[k][0] * inv[0][i] + ph[k][1] * inv[1][i] + ph[k][2] * inv[2][i];
    m[k] += gain[k][0] * y[0] + gain[k][1] * y[1] + gain[k][2] * y[2];
  }
  for (int i = 0; i < kStates; ++i)
    for (int k = 0; k <= i; ++k) {  // gain ph^T is symmetric but for rounding
      const double p = cov[i][k] - (gain[i][0] * ph[k][0] + gain[i][1] * ph[k][1] + gain[i][2] * ph[k][2]);
      const double q = cov[k][i] - (gain[k][0] * ph[i][0] + gain[k][1] * ph[i][1] + gain[k][2] * ph[i][2]);
      cov[i][k] = cov[k][i] = 0.5 * (p + q);
    }
  return -0.5 * (distance + log(det > 1e-12 ? det : 1e-12));
}

// One track: measures x, y, yaw in all models and weighs them. Likelihoods are tempered: shape flicker of clusters is
// no white noise and would make one model certain.
AP_HD void imm_update(double* mean, double* cov, double* mu, const double* z, const double* r, double delay) {
  double log_lik[kModels], best = -1e300, sum = 0.0;
  for (int j = 0; j < kModels; ++j) {
    log_lik[j] = measure_place(mean + kStates * j, reinterpret_cast<Row6*>(cov) + kStates * j, z, r, delay);
    best = log_lik[j] > best ? log_lik[j] : best;
  }
  for (int j = 0; j < kModels; ++j) {
    mu[j] *= exp(0.5 * (log_lik[j] - best));
    mu[j] = mu[j] > 1e-3 ? mu[j] : 1e-3;
    sum += mu[j];
  }
  for (int j = 0; j < kModels; ++j) mu[j] /= sum;
}

// One track: measures vx and vy in all models, one after the other; isotropic variance.
AP_HD void imm_update_velocity(double* mean, double* cov, const double* velocity, double variance) {
  for (int j = 0; j < kModels; ++j) {
    double* m = mean + kStates * j;
    Row6* p = reinterpret_cast<Row6*>(cov) + kStates * j;
    for (int part = 0; part < 2; ++part) {
      const int axis = kVx + part;
      const double off = velocity[part] - m[axis], s = p[axis][axis] + variance;
      double row[kStates], gain[kStates];
      for (int k = 0; k < kStates; ++k) {
        row[k] = p[axis][k];
        gain[k] = p[k][axis] / s;
      }
      for (int k = 0; k < kStates; ++k) {
        m[k] += gain[k] * off;
        add_row(-gain[k], row, p[k]);
      }
    }
  }
}

}  // namespace ap
