# shellcheck shell=bash
# Detached processes by name: pid files in $ROOST_STATE/run, logs in $ROOST_STATE/log. Sourced by stack.sh and run.sh.
#
# A pid file says "this is meant to run": `stop_processes` removes it, a crash or `kill_process` leaves it. So run.sh
# knows what to start again. Beside it `.birth` keeps the start time, because Linux reuses process ids.

pid_file() { echo "$ROOST_STATE/run/$1.pid"; }
birth_file() { echo "$ROOST_STATE/run/$1.birth"; }
log_file() { echo "$ROOST_STATE/log/$1.log"; }

# process_field PID N: field N ≥ 3 of /proc/PID/stat (proc(5)); nothing when there is no such process.
# The name in field 2 may contain spaces and brackets, so counting starts after its last bracket.
process_field() {
    local stat fields
    { stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 0
    read -ra fields <<<"${stat##*) }"
    echo "${fields[$2 - 3]}"
}

# lives PID BIRTH: that very process exists and is no zombie (a container's first process may never reap one).
lives() { [[ -n $2 && $(process_field "$1" 22) == "$2" && $(process_field "$1" 3) != Z ]]; }

pid_of() { cat "$(pid_file "$1")" 2>/dev/null || true; }

# is_alive NAME
is_alive() {
    local pid
    pid=$(pid_of "$1")
    [[ -n $pid ]] && lives "$pid" "$(cat "$(birth_file "$1")" 2>/dev/null || true)"
}

# is_meant_to_run NAME: it was started and nobody stopped it, whether or not it lives.
is_meant_to_run() { [[ -f $(pid_file "$1") ]]; }

children_of() {
    local directory
    for directory in /proc/[0-9]*; do
        if [[ $(process_field "${directory##*/}" 4) == "$1" ]]; then echo "${directory##*/}"; fi
    done
}

# spawn NAME [VARIABLE=VALUE...] -- COMMAND...: starts a process that sees exactly these variables, in its own session so
# that Ctrl-C in our terminal does not reach it, with no open file of ours. The variables go through the shell and never
# through `env VARIABLE=…`, whose arguments (a database password among them) every user could read in `ps`.
spawn() {
    local name=$1 log variables=() pid
    shift
    while [[ $1 != -- ]]; do
        variables+=("$1")
        shift
    done
    shift
    log=$(log_file "$name")
    # One old generation of a big log is kept; more is a log shipper's business.
    if [[ -f $log && $(stat -c %s "$log") -gt 67108864 ]]; then mv -f "$log" "$log.1"; fi
    (
        close_inherited_files
        # shellcheck disable=SC2046 # Names of variables have no spaces.
        export -n $(compgen -e)
        export -- "${variables[@]}"
        exec setsid "$@"
    ) </dev/null >>"$log" 2>&1 &
    pid=$!
    process_field "$pid" 22 >"$(birth_file "$name")"
    echo "$pid" >"$(pid_file "$name")"
    disown "$pid"
}

# Above all our locks: a service that inherits one would hold it for its whole life.
close_inherited_files() {
    local path number
    for path in "/proc/$BASHPID/fd"/*; do
        number=${path##*/}
        # 255 is where bash reads the script from; it closes itself on exec.
        if ((number > 2 && number != 255)); then eval "exec $number>&-"; fi
    done
}

# A gateway serves for 10 s who does not move, then takes up to 2 s to say goodbye.
readonly stop_seconds=15

# stop_processes NAME...: asks all of them at once, waits up to $stop_seconds for all, then kills what is left.
stop_processes() {
    local name deadline=$((SECONDS + stop_seconds)) waiting
    for name in "$@"; do
        # PostgreSQL's SIGTERM waits for clients to leave; SIGINT is its orderly stop that closes their connections.
        if is_alive "$name"; then
            kill -s "$([[ $name == postgres ]] && echo INT || echo TERM)" "$(pid_of "$name")" 2>/dev/null || true
        fi
    done
    while
        waiting=()
        for name in "$@"; do if is_alive "$name"; then waiting+=("$name"); fi; done
        ((${#waiting[@]} > 0 && SECONDS < deadline))
    do sleep 0.05; done
    for name in "${waiting[@]}"; do
        warn "$name did not stop within $stop_seconds s and is killed; its log: $(log_file "$name")"
        kill_process "$name"
    done
    for name in "$@"; do rm -f "$(pid_file "$name")" "$(birth_file "$name")"; done
}

# kill_process NAME: kill -9, with its children: nginx's workers outlive their master and would keep its port, and
# PostgreSQL's would keep its shared memory. Returns when all are gone.
kill_process() {
    local pid victim victims=() births=() index deadline=$((SECONDS + 5))
    is_alive "$1" || return 0
    pid=$(pid_of "$1")
    for victim in "$pid" $(children_of "$pid"); do
        victims+=("$victim")
        births+=("$(process_field "$victim" 22)")
    done
    kill -s KILL "${victims[@]}" 2>/dev/null || true
    for index in "${!victims[@]}"; do
        while lives "${victims[index]}" "${births[index]}" && ((SECONDS < deadline)); do sleep 0.02; done
    done
}
