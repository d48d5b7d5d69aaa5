CREATE TABLE artifact (
	id VARCHAR(36) NOT NULL, 
	created BIGINT NOT NULL, 
	updated BIGINT NOT NULL, 
	"key" TEXT, 
	type TEXT, 
	data TEXT, 
	description TEXT, 
	metadata_ TEXT, 
	flow_run_id VARCHAR(36), 
	task_run_id VARCHAR(36), 
	CONSTRAINT pk_artifact PRIMARY KEY (id)
);
CREATE INDEX ix_artifact_flow_run_id ON artifact (flow_run_id);
CREATE INDEX ix_artifact_key ON artifact ("key", id) WHERE key IS NOT NULL;
CREATE INDEX ix_artifact_task_run_id ON artifact (task_run_id);
CREATE INDEX ix_artifact_type ON artifact (id, type) WHERE type IS NOT NULL;
CREATE INDEX ix_artifact_updated ON artifact (updated);
CREATE TABLE artifact_collection (
	id VARCHAR(36) NOT NULL, 
	created BIGINT NOT NULL, 
	updated BIGINT NOT NULL, 
	"key" TEXT NOT NULL, 
	latest_id VARCHAR(36) NOT NULL, 
	type TEXT, 
	data TEXT, 
	description TEXT, 
	metadata_ TEXT, 
	flow_run_id VARCHAR(36), 
	task_run_id VARCHAR(36), 
	CONSTRAINT pk_artifact_collection PRIMARY KEY (id), 
	CONSTRAINT uq_artifact_collection_key UNIQUE ("key")
);
CREATE INDEX ix_artifact_collection_latest_id ON artifact_collection (latest_id);
CREATE TABLE block_type (
	id VARCHAR(36) NOT NULL, 
	created BIGINT NOT NULL, 
	updated BIGINT NOT NULL, 
	name TEXT NOT NULL, 
	slug TEXT NOT NULL, 
	logo_url TEXT, 
	documentation_url TEXT, 
	description TEXT, 
	code_example TEXT, 
	is_protected BOOLEAN NOT NULL, 
	CONSTRAINT pk_block_type PRIMARY KEY (id), 
	CONSTRAINT uq_block_type_slug UNIQUE (slug)
);
CREATE INDEX ix_block_type_name ON block_type (name);
CREATE TABLE concurrency_lease (
	id VARCHAR(36) NOT NULL, 
	created BIGINT NOT NULL, 
	updated BIGINT NOT NULL, 
	expiration BIGINT NOT NULL, 
	slots BIGINT NOT NULL, 
	holder_type TEXT, 
	holder_id VARCHAR(36), 
	CONSTRAINT pk_concurrency_lease PRIMARY KEY (id)
);
CREATE INDEX ix_concurrency_lease_expiration ON concurrency_lease (expiration);
CREATE INDEX ix_concurrency_lease_holder_id ON concurrency_lease (holder_id);
CREATE TABLE concurrency_limit (
	id VARCHAR(36) NOT NULL, 
	created BIGINT NOT NULL, 
	updated BIGINT NOT NULL, 
	name TEXT NOT NULL, 
	active BOOLEAN NOT NULL, 
	slots BIGINT NOT NULL, 
	active_slots BIGINT NOT NULL, 
	denied_slots BIGINT NOT NULL, 
	slot_decay_per_second FLOAT NOT NULL, 
	avg_slot_occupancy_seconds FLOAT NOT NULL, 
	decays_from BIGINT NOT NULL, 
	denied_decays_from BIGINT NOT NULL, 
	CONSTRAINT pk_concurrency_limit PRIMARY KEY (id), 
	CONSTRAINT uq_concurrency_limit_name UNIQUE (name)
);
CREATE TABLE configuration (
	id VARCHAR(36) NOT NULL, 
	created BIGINT NOT NULL, 
	updated BIGINT NOT NULL, 
	"key" TEXT NOT NULL, 
	value TEXT NOT NULL, 
	CONSTRAINT pk_configuration PRIMARY KEY (id), 
	CONSTRAINT uq_configuration_key UNIQUE ("key")
);
CREATE TABLE event (
	id VARCHAR(36) NOT NULL, 
	occurred BIGINT NOT NULL, 
	event TEXT NOT NULL, 
	resource_id TEXT NOT NULL, 
	resource TEXT NOT NULL, 
	related TEXT NOT NULL, 
	payload TEXT NOT NULL, 
	received BIGINT NOT NULL, 
	recorded BIGINT NOT NULL, 
	follows VARCHAR(36), 
	CONSTRAINT pk_event PRIMARY KEY (id)
);
CREATE INDEX ix_event_event_occurred ON event (event, occurred);
CREATE INDEX ix_event_occurred ON event (occurred, id);
CREATE TABLE event_resource (
	event_id VARCHAR(36) NOT NULL, 
	position INTEGER NOT NULL, 
	occurred BIGINT NOT NULL, 
	resource_id TEXT NOT NULL, 
	resource_role TEXT NOT NULL, 
	resource TEXT NOT NULL, 
	CONSTRAINT pk_event_resource PRIMARY KEY (event_id, position)
);
CREATE INDEX ix_event_resource_occurred ON event_resource (occurred);
CREATE INDEX ix_event_resource_resource_id_occurred ON event_resource (resource_id, occurred);
CREATE TABLE flow (
	id VARCHAR(36) NOT NULL, 
	created BIGINT NOT NULL, 
	updated BIGINT NOT NULL, 
	name TEXT NOT NULL, 
	tags TEXT NOT NULL, 
	labels TEXT, 
	CONSTRAINT pk_flow PRIMARY KEY (id), 
	CONSTRAINT uq_flow_name UNIQUE (name)
);
CREATE TABLE flow_run_count (
	flow_id TEXT NOT NULL, 
	deployment_id TEXT NOT NULL, 
	state_type TEXT NOT NULL, 
	state_name TEXT NOT NULL, 
	runs BIGINT NOT NULL, 
	CONSTRAINT pk_flow_run_count PRIMARY KEY (flow_id, deployment_id, state_type, state_name)
)
 WITHOUT ROWID;
CREATE TABLE flow_run_ended (
	flow_id TEXT NOT NULL, 
	width BIGINT NOT NULL, 
	start BIGINT NOT NULL, 
	state_type TEXT NOT NULL, 
	state_name TEXT NOT NULL, 
	runs BIGINT NOT NULL, 
	run_time BIGINT NOT NULL, 
	lateness BIGINT NOT NULL, 
	CONSTRAINT pk_flow_run_ended PRIMARY KEY (flow_id, width, start, state_type, state_name)
)
 WITHOUT ROWID;
CREATE TABLE flow_run_tag (
	tag TEXT NOT NULL, 
	flow_run_id VARCHAR(36) NOT NULL, 
	CONSTRAINT pk_flow_run_tag PRIMARY KEY (tag, flow_run_id)
)
 WITHOUT ROWID;
CREATE TABLE flow_run_tag_count (
	tag TEXT NOT NULL, 
	runs BIGINT NOT NULL, 
	CONSTRAINT pk_flow_run_tag_count PRIMARY KEY (tag)
)
 WITHOUT ROWID;
CREATE TABLE log (
	id VARCHAR(36) NOT NULL, 
	created BIGINT NOT NULL, 
	updated BIGINT NOT NULL, 
	name TEXT NOT NULL, 
	level BIGINT NOT NULL, 
	flow_run_id VARCHAR(36), 
	task_run_id VARCHAR(36), 
	message TEXT NOT NULL, 
	timestamp BIGINT NOT NULL, 
	CONSTRAINT pk_log PRIMARY KEY (id)
);
CREATE INDEX ix_log_flow_run_id_timestamp ON log (flow_run_id, timestamp);
CREATE INDEX ix_log_task_run_id_timestamp ON log (task_run_id, timestamp);
CREATE INDEX ix_log_timestamp ON log (timestamp);
CREATE TABLE saved_search (
	id VARCHAR(36) NOT NULL, 
	created BIGINT NOT NULL, 
	updated BIGINT NOT NULL, 
	name TEXT NOT NULL, 
	filters TEXT NOT NULL, 
	CONSTRAINT pk_saved_search PRIMARY KEY (id), 
	CONSTRAINT uq_saved_search_name UNIQUE (name)
);
CREATE TABLE task_run_state_cache (
	id VARCHAR(36) NOT NULL, 
	created BIGINT NOT NULL, 
	updated BIGINT NOT NULL, 
	cache_key TEXT NOT NULL, 
	cache_expiration BIGINT, 
	task_run_state_id VARCHAR(36) NOT NULL, 
	CONSTRAINT pk_task_run_state_cache PRIMARY KEY (id)
);
CREATE INDEX ix_task_run_state_cache_cache_key_created ON task_run_state_cache (cache_key, created);
CREATE TABLE variable (
	id VARCHAR(36) NOT NULL, 
	created BIGINT NOT NULL, 
	updated BIGINT NOT NULL, 
	name TEXT NOT NULL, 
	value TEXT NOT NULL, 
	tags TEXT NOT NULL, 
	CONSTRAINT pk_variable PRIMARY KEY (id), 
	CONSTRAINT uq_variable_name UNIQUE (name)
);
CREATE TABLE work_pool (
	id VARCHAR(36) NOT NULL, 
	created BIGINT NOT NULL, 
	updated BIGINT NOT NULL, 
	name TEXT NOT NULL, 
	description TEXT, 
	type TEXT NOT NULL, 
	base_job_template TEXT NOT NULL, 
	storage_configuration TEXT NOT NULL, 
	is_paused BOOLEAN NOT NULL, 
	concurrency_limit BIGINT, 
	status TEXT NOT NULL, 
	status_event_id VARCHAR(36), 
	status_since BIGINT, 
	default_queue_id VARCHAR(36), 
	CONSTRAINT pk_work_pool PRIMARY KEY (id), 
	CONSTRAINT uq_work_pool_name UNIQUE (name)
);
CREATE TABLE block_schema (
	id VARCHAR(36) NOT NULL, 
	created BIGINT NOT NULL, 
	updated BIGINT NOT NULL, 
	checksum TEXT NOT NULL, 
	version TEXT NOT NULL, 
	fields TEXT NOT NULL, 
	capabilities TEXT NOT NULL, 
	block_type_id VARCHAR(36) NOT NULL, 
	CONSTRAINT pk_block_schema PRIMARY KEY (id), 
	CONSTRAINT fk_block_schema_block_type_id FOREIGN KEY(block_type_id) REFERENCES block_type (id) ON DELETE CASCADE
);
CREATE INDEX ix_block_schema_block_type_id ON block_schema (block_type_id, created);
CREATE INDEX ix_block_schema_created ON block_schema (created);
CREATE UNIQUE INDEX uq_block_schema_checksum_version ON block_schema (checksum, version);
CREATE TABLE cleanup_message (
	id VARCHAR(36) NOT NULL, 
	created BIGINT NOT NULL, 
	updated BIGINT NOT NULL, 
	work_pool_id VARCHAR(36) NOT NULL, 
	work_queue_id VARCHAR(36), 
	kind TEXT NOT NULL, 
	target TEXT NOT NULL, 
	data TEXT NOT NULL, 
	idempotency_key TEXT NOT NULL, 
	status TEXT NOT NULL, 
	delivery_count INTEGER NOT NULL, 
	reservation_token TEXT, 
	reserved_by TEXT, 
	lease_expires_at BIGINT, 
	CONSTRAINT pk_cleanup_message PRIMARY KEY (id), 
	CONSTRAINT fk_cleanup_message_work_pool_id FOREIGN KEY(work_pool_id) REFERENCES work_pool (id) ON DELETE CASCADE
);
CREATE INDEX ix_cleanup_message_status ON cleanup_message (status, work_pool_id, created);
CREATE UNIQUE INDEX uq_cleanup_message_work_pool_id_idempotency_key ON cleanup_message (work_pool_id, idempotency_key);
CREATE TABLE concurrency_lease_limit (
	lease_id VARCHAR(36) NOT NULL, 
	limit_id VARCHAR(36) NOT NULL, 
	CONSTRAINT fk_concurrency_lease_limit_lease_id FOREIGN KEY(lease_id) REFERENCES concurrency_lease (id) ON DELETE CASCADE, 
	CONSTRAINT fk_concurrency_lease_limit_limit_id FOREIGN KEY(limit_id) REFERENCES concurrency_limit (id) ON DELETE CASCADE
);
CREATE INDEX ix_concurrency_lease_limit_limit_id ON concurrency_lease_limit (limit_id);
CREATE UNIQUE INDEX uq_concurrency_lease_limit_lease_id_limit_id ON concurrency_lease_limit (lease_id, limit_id);
CREATE TABLE work_queue (
	id VARCHAR(36) NOT NULL, 
	created BIGINT NOT NULL, 
	updated BIGINT NOT NULL, 
	name TEXT NOT NULL, 
	description TEXT NOT NULL, 
	is_paused BOOLEAN NOT NULL, 
	concurrency_limit BIGINT, 
	priority BIGINT NOT NULL, 
	status TEXT NOT NULL, 
	last_polled BIGINT, 
	filter TEXT, 
	work_pool_id VARCHAR(36) NOT NULL, 
	CONSTRAINT pk_work_queue PRIMARY KEY (id), 
	CONSTRAINT fk_work_queue_work_pool_id FOREIGN KEY(work_pool_id) REFERENCES work_pool (id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX uq_work_queue_work_pool_id_name ON work_queue (work_pool_id, name);
CREATE TABLE worker (
	id VARCHAR(36) NOT NULL, 
	created BIGINT NOT NULL, 
	updated BIGINT NOT NULL, 
	name TEXT NOT NULL, 
	status TEXT NOT NULL, 
	last_heartbeat_time BIGINT NOT NULL, 
	heartbeat_interval_seconds INTEGER, 
	work_pool_id VARCHAR(36) NOT NULL, 
	CONSTRAINT pk_worker PRIMARY KEY (id), 
	CONSTRAINT fk_worker_work_pool_id FOREIGN KEY(work_pool_id) REFERENCES work_pool (id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX uq_worker_work_pool_id_name ON worker (work_pool_id, name);
CREATE TABLE block_document (
	id VARCHAR(36) NOT NULL, 
	created BIGINT NOT NULL, 
	updated BIGINT NOT NULL, 
	name TEXT NOT NULL, 
	data TEXT NOT NULL, 
	is_anonymous BOOLEAN NOT NULL, 
	block_type_name TEXT NOT NULL, 
	block_type_id VARCHAR(36) NOT NULL, 
	block_schema_id VARCHAR(36) NOT NULL, 
	CONSTRAINT pk_block_document PRIMARY KEY (id), 
	CONSTRAINT fk_block_document_block_type_id FOREIGN KEY(block_type_id) REFERENCES block_type (id) ON DELETE CASCADE, 
	CONSTRAINT fk_block_document_block_schema_id FOREIGN KEY(block_schema_id) REFERENCES block_schema (id) ON DELETE CASCADE
);
CREATE INDEX ix_block_document_block_schema_id ON block_document (block_schema_id);
CREATE INDEX ix_block_document_name ON block_document (name);
CREATE UNIQUE INDEX uq_block_document_block_type_id_name ON block_document (block_type_id, name);
CREATE TABLE block_document_reference (
	parent_block_document_id VARCHAR(36) NOT NULL, 
	name TEXT NOT NULL, 
	reference_block_document_id VARCHAR(36) NOT NULL, 
	CONSTRAINT pk_block_document_reference PRIMARY KEY (parent_block_document_id, name), 
	CONSTRAINT ck_block_document_reference_not_itself CHECK (parent_block_document_id <> reference_block_document_id), 
	CONSTRAINT fk_block_document_reference_parent_block_document_id FOREIGN KEY(parent_block_document_id) REFERENCES block_document (id) ON DELETE CASCADE, 
	CONSTRAINT fk_block_document_reference_reference_block_document_id FOREIGN KEY(reference_block_document_id) REFERENCES block_document (id) ON DELETE CASCADE
);
CREATE INDEX ix_block_document_reference_reference_block_document_id ON block_document_reference (reference_block_document_id);
CREATE TABLE deployment (
	id VARCHAR(36) NOT NULL, 
	created BIGINT NOT NULL, 
	updated BIGINT NOT NULL, 
	name TEXT NOT NULL, 
	version TEXT, 
	description TEXT, 
	paused BOOLEAN NOT NULL, 
	tags TEXT NOT NULL, 
	labels TEXT, 
	parameters TEXT NOT NULL, 
	parameter_openapi_schema TEXT, 
	enforce_parameter_schema BOOLEAN NOT NULL, 
	job_variables TEXT NOT NULL, 
	pull_steps TEXT, 
	path TEXT, 
	entrypoint TEXT, 
	storage_document_id VARCHAR(36), 
	infrastructure_document_id VARCHAR(36), 
	work_queue_name TEXT, 
	status TEXT NOT NULL, 
	last_polled BIGINT, 
	to_be_planned BOOLEAN NOT NULL, 
	flow_id VARCHAR(36) NOT NULL, 
	work_queue_id VARCHAR(36), 
	concurrency_limit_id VARCHAR(36), 
	concurrency_options TEXT, 
	CONSTRAINT pk_deployment PRIMARY KEY (id), 
	CONSTRAINT fk_deployment_storage_document_id FOREIGN KEY(storage_document_id) REFERENCES block_document (id) ON DELETE SET NULL, 
	CONSTRAINT fk_deployment_infrastructure_document_id FOREIGN KEY(infrastructure_document_id) REFERENCES block_document (id) ON DELETE SET NULL, 
	CONSTRAINT fk_deployment_flow_id FOREIGN KEY(flow_id) REFERENCES flow (id) ON DELETE CASCADE, 
	CONSTRAINT fk_deployment_work_queue_id FOREIGN KEY(work_queue_id) REFERENCES work_queue (id) ON DELETE SET NULL, 
	CONSTRAINT fk_deployment_concurrency_limit_id FOREIGN KEY(concurrency_limit_id) REFERENCES concurrency_limit (id) ON DELETE SET NULL
);
CREATE INDEX ix_deployment_concurrency_limit_id ON deployment (concurrency_limit_id);
CREATE INDEX ix_deployment_infrastructure_document_id ON deployment (infrastructure_document_id) WHERE infrastructure_document_id IS NOT NULL;
CREATE INDEX ix_deployment_storage_document_id ON deployment (storage_document_id) WHERE storage_document_id IS NOT NULL;
CREATE INDEX ix_deployment_to_be_planned ON deployment (id) WHERE to_be_planned;
CREATE INDEX ix_deployment_work_queue_id ON deployment (work_queue_id, last_polled, status);
CREATE UNIQUE INDEX uq_deployment_flow_id_name ON deployment (flow_id, name);
CREATE TABLE flow_run (
	id VARCHAR(36) NOT NULL, 
	created BIGINT NOT NULL, 
	updated BIGINT NOT NULL, 
	flow_id VARCHAR(36) NOT NULL, 
	name TEXT NOT NULL, 
	tags TEXT NOT NULL, 
	labels TEXT, 
	empirical_policy TEXT NOT NULL, 
	state_id VARCHAR(36), 
	state_type TEXT, 
	state_name TEXT, 
	state_timestamp BIGINT, 
	run_count BIGINT NOT NULL, 
	expected_start_time BIGINT, 
	next_scheduled_start_time BIGINT, 
	start_time BIGINT, 
	end_time BIGINT, 
	total_run_time BIGINT NOT NULL, 
	deployment_id VARCHAR(36), 
	deployment_version TEXT, 
	schedule_id VARCHAR(36), 
	flow_version TEXT, 
	work_queue_name TEXT, 
	work_queue_id VARCHAR(36), 
	parameters TEXT NOT NULL, 
	idempotency_key TEXT, 
	context TEXT NOT NULL, 
	parent_task_run_id VARCHAR(36), 
	auto_scheduled BOOLEAN NOT NULL, 
	infrastructure_document_id VARCHAR(36), 
	infrastructure_pid TEXT, 
	created_by TEXT, 
	job_variables TEXT, 
	CONSTRAINT pk_flow_run PRIMARY KEY (id), 
	CONSTRAINT fk_flow_run_flow_id FOREIGN KEY(flow_id) REFERENCES flow (id) ON DELETE CASCADE, 
	CONSTRAINT fk_flow_run_work_queue_id FOREIGN KEY(work_queue_id) REFERENCES work_queue (id) ON DELETE SET NULL, 
	CONSTRAINT fk_flow_run_parent_task_run_id FOREIGN KEY(parent_task_run_id) REFERENCES task_run (id) ON DELETE SET NULL, 
	CONSTRAINT fk_flow_run_infrastructure_document_id FOREIGN KEY(infrastructure_document_id) REFERENCES block_document (id) ON DELETE SET NULL
);
CREATE INDEX ix_flow_run_busy ON flow_run (work_queue_id, state_type, id) WHERE state_type IN ('PENDING', 'RUNNING', 'CANCELLING') AND work_queue_id IS NOT NULL;
CREATE INDEX ix_flow_run_deployment_id ON flow_run (deployment_id, id);
CREATE INDEX ix_flow_run_end_time ON flow_run (end_time, id);
CREATE INDEX ix_flow_run_expected_start_time ON flow_run (expected_start_time, id, flow_id, deployment_id, start_time);
CREATE INDEX ix_flow_run_flow_id ON flow_run (flow_id, id);
CREATE INDEX ix_flow_run_id ON flow_run (id, flow_id, deployment_id, start_time, expected_start_time);
CREATE INDEX ix_flow_run_infrastructure_document_id ON flow_run (infrastructure_document_id) WHERE infrastructure_document_id IS NOT NULL;
CREATE INDEX ix_flow_run_name ON flow_run (name, id);
CREATE INDEX ix_flow_run_next ON flow_run (flow_id, next_scheduled_start_time, id) WHERE next_scheduled_start_time IS NOT NULL;
CREATE INDEX ix_flow_run_next_scheduled_start_time ON flow_run (next_scheduled_start_time, id);
CREATE INDEX ix_flow_run_not_begun ON flow_run (state_type, next_scheduled_start_time) WHERE state_name = 'Scheduled';
CREATE INDEX ix_flow_run_not_ended ON flow_run (expected_start_time, state_type, state_name, flow_id, start_time, state_timestamp, total_run_time) WHERE state_type NOT IN ('CANCELLED', 'COMPLETED', 'CRASHED', 'FAILED');
CREATE INDEX ix_flow_run_parent_task_run_id ON flow_run (parent_task_run_id);
CREATE INDEX ix_flow_run_queue_by_name ON flow_run (work_queue_name, state_type, next_scheduled_start_time, id) WHERE work_queue_id IS NULL AND work_queue_name IS NOT NULL;
CREATE INDEX ix_flow_run_scheduled_deployment_id ON flow_run (deployment_id, next_scheduled_start_time, id) WHERE state_type = 'SCHEDULED' AND deployment_id IS NOT NULL;
CREATE INDEX ix_flow_run_scheduled_schedule_id ON flow_run (schedule_id, next_scheduled_start_time, id) WHERE state_type = 'SCHEDULED' AND schedule_id IS NOT NULL;
CREATE INDEX ix_flow_run_scheduled_work_queue_id ON flow_run (work_queue_id, next_scheduled_start_time, id) WHERE state_type = 'SCHEDULED' AND work_queue_id IS NOT NULL;
CREATE INDEX ix_flow_run_started ON flow_run (coalesce(start_time, expected_start_time), id, flow_id, deployment_id, start_time, expected_start_time);
CREATE INDEX ix_flow_run_state_name ON flow_run (state_name, id);
CREATE INDEX ix_flow_run_state_type ON flow_run (state_type, id);
CREATE INDEX ix_flow_run_subflow_state_type ON flow_run (state_type) WHERE parent_task_run_id IS NOT NULL;
CREATE INDEX ix_flow_run_work_queue_id ON flow_run (work_queue_id, id);
CREATE UNIQUE INDEX uq_flow_run_flow_id_idempotency_key ON flow_run (flow_id, idempotency_key);
CREATE TABLE deployment_schedule (
	id VARCHAR(36) NOT NULL, 
	created BIGINT NOT NULL, 
	updated BIGINT NOT NULL, 
	deployment_id VARCHAR(36) NOT NULL, 
	slug TEXT, 
	active BOOLEAN NOT NULL, 
	schedule TEXT NOT NULL, 
	parameters TEXT NOT NULL, 
	max_scheduled_runs INTEGER, 
	CONSTRAINT pk_deployment_schedule PRIMARY KEY (id), 
	CONSTRAINT fk_deployment_schedule_deployment_id FOREIGN KEY(deployment_id) REFERENCES deployment (id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX uq_deployment_schedule_deployment_id_slug ON deployment_schedule (deployment_id, slug);
CREATE TABLE flow_run_claim (
	flow_run_id VARCHAR(36) NOT NULL, 
	state_id VARCHAR(36) NOT NULL, 
	until BIGINT NOT NULL, 
	CONSTRAINT pk_flow_run_claim PRIMARY KEY (flow_run_id), 
	CONSTRAINT fk_flow_run_claim_flow_run_id FOREIGN KEY(flow_run_id) REFERENCES flow_run (id) ON DELETE CASCADE
);
CREATE INDEX ix_flow_run_claim_until ON flow_run_claim (until);
CREATE TABLE flow_run_input (
	id VARCHAR(36) NOT NULL, 
	created BIGINT NOT NULL, 
	updated BIGINT NOT NULL, 
	flow_run_id VARCHAR(36) NOT NULL, 
	"key" TEXT NOT NULL, 
	value TEXT NOT NULL, 
	sender TEXT, 
	CONSTRAINT pk_flow_run_input PRIMARY KEY (id), 
	CONSTRAINT fk_flow_run_input_flow_run_id FOREIGN KEY(flow_run_id) REFERENCES flow_run (id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX uq_flow_run_input_flow_run_id_key ON flow_run_input (flow_run_id, "key");
CREATE TABLE flow_run_state (
	flow_run_id VARCHAR(36) NOT NULL, 
	id VARCHAR(36) NOT NULL, 
	timestamp BIGINT NOT NULL, 
	type TEXT NOT NULL, 
	name TEXT NOT NULL, 
	message TEXT, 
	state_details TEXT NOT NULL, 
	data TEXT, 
	result_artifact_id VARCHAR(36), 
	CONSTRAINT pk_flow_run_state PRIMARY KEY (id), 
	CONSTRAINT fk_flow_run_state_flow_run_id FOREIGN KEY(flow_run_id) REFERENCES flow_run (id) ON DELETE CASCADE, 
	CONSTRAINT fk_flow_run_state_result_artifact_id FOREIGN KEY(result_artifact_id) REFERENCES artifact (id) ON DELETE SET NULL
);
CREATE INDEX ix_flow_run_state_result_artifact_id ON flow_run_state (result_artifact_id);
CREATE UNIQUE INDEX uq_flow_run_state_flow_run_id_timestamp ON flow_run_state (flow_run_id, timestamp);
CREATE TABLE task_run (
	id VARCHAR(36) NOT NULL, 
	created BIGINT NOT NULL, 
	updated BIGINT NOT NULL, 
	flow_run_id VARCHAR(36), 
	name TEXT NOT NULL, 
	tags TEXT NOT NULL, 
	labels TEXT, 
	empirical_policy TEXT NOT NULL, 
	state_id VARCHAR(36), 
	state_type TEXT, 
	state_name TEXT, 
	state_timestamp BIGINT, 
	run_count BIGINT NOT NULL, 
	expected_start_time BIGINT, 
	next_scheduled_start_time BIGINT, 
	start_time BIGINT, 
	end_time BIGINT, 
	total_run_time BIGINT NOT NULL, 
	task_key TEXT NOT NULL, 
	dynamic_key TEXT NOT NULL, 
	cache_key TEXT, 
	cache_expiration BIGINT, 
	task_version TEXT, 
	flow_run_run_count INTEGER NOT NULL, 
	task_inputs TEXT NOT NULL, 
	CONSTRAINT pk_task_run PRIMARY KEY (id), 
	CONSTRAINT fk_task_run_flow_run_id FOREIGN KEY(flow_run_id) REFERENCES flow_run (id) ON DELETE CASCADE
);
CREATE INDEX ix_task_run_end_time ON task_run (end_time, id);
CREATE INDEX ix_task_run_expected_start_time ON task_run (expected_start_time, id);
CREATE INDEX ix_task_run_name ON task_run (name, id);
CREATE INDEX ix_task_run_next_scheduled_start_time ON task_run (next_scheduled_start_time, id);
CREATE INDEX ix_task_run_start_time ON task_run (start_time);
CREATE INDEX ix_task_run_state_name ON task_run (state_name, id);
CREATE INDEX ix_task_run_state_type ON task_run (state_type, id);
CREATE UNIQUE INDEX uq_task_run_flow_run_id_task_key_dynamic_key ON task_run (flow_run_id, task_key, dynamic_key);
CREATE UNIQUE INDEX uq_task_run_task_key_dynamic_key ON task_run (task_key, dynamic_key) WHERE flow_run_id IS NULL;
CREATE TABLE task_run_delivery (
	task_run_id VARCHAR(36) NOT NULL, 
	task_key TEXT NOT NULL, 
	first_time BOOLEAN NOT NULL, 
	enqueued BIGINT NOT NULL, 
	claimed_by VARCHAR(36), 
	free_from BIGINT NOT NULL, 
	CONSTRAINT pk_task_run_delivery PRIMARY KEY (task_run_id), 
	CONSTRAINT fk_task_run_delivery_task_run_id FOREIGN KEY(task_run_id) REFERENCES task_run (id) ON DELETE CASCADE
);
CREATE INDEX ix_task_run_delivery_order ON task_run_delivery (task_key, first_time, enqueued, task_run_id);
CREATE TABLE task_run_state (
	task_run_id VARCHAR(36) NOT NULL, 
	id VARCHAR(36) NOT NULL, 
	timestamp BIGINT NOT NULL, 
	type TEXT NOT NULL, 
	name TEXT NOT NULL, 
	message TEXT, 
	state_details TEXT NOT NULL, 
	data TEXT, 
	result_artifact_id VARCHAR(36), 
	CONSTRAINT pk_task_run_state PRIMARY KEY (id), 
	CONSTRAINT fk_task_run_state_task_run_id FOREIGN KEY(task_run_id) REFERENCES task_run (id) ON DELETE CASCADE, 
	CONSTRAINT fk_task_run_state_result_artifact_id FOREIGN KEY(result_artifact_id) REFERENCES artifact (id) ON DELETE SET NULL
);
CREATE INDEX ix_task_run_state_result_artifact_id ON task_run_state (result_artifact_id);
CREATE UNIQUE INDEX uq_task_run_state_task_run_id_timestamp ON task_run_state (task_run_id, timestamp);
CREATE TRIGGER flow_run_count_insert AFTER INSERT ON flow_run
BEGIN
    INSERT INTO flow_run_count SELECT coalesce(NEW.flow_id, ''), coalesce(NEW.deployment_id, ''), coalesce(NEW.state_type, ''), coalesce(NEW.state_name, ''), 1 WHERE true
    ON CONFLICT (flow_id, deployment_id, state_type, state_name) DO UPDATE SET runs = runs + 1;
END;
CREATE TRIGGER flow_run_count_update AFTER UPDATE OF flow_id, deployment_id, state_type, state_name ON flow_run
WHEN OLD.flow_id IS NOT NEW.flow_id OR OLD.deployment_id IS NOT NEW.deployment_id OR OLD.state_type IS NOT NEW.state_type OR OLD.state_name IS NOT NEW.state_name
BEGIN
    UPDATE flow_run_count SET runs = runs - 1 WHERE flow_id = coalesce(OLD.flow_id, '') AND deployment_id = coalesce(OLD.deployment_id, '') AND state_type = coalesce(OLD.state_type, '') AND state_name = coalesce(OLD.state_name, '');
    DELETE FROM flow_run_count WHERE flow_id = coalesce(OLD.flow_id, '') AND deployment_id = coalesce(OLD.deployment_id, '') AND state_type = coalesce(OLD.state_type, '') AND state_name = coalesce(OLD.state_name, '') AND runs = 0;
    INSERT INTO flow_run_count SELECT coalesce(NEW.flow_id, ''), coalesce(NEW.deployment_id, ''), coalesce(NEW.state_type, ''), coalesce(NEW.state_name, ''), 1 WHERE true
    ON CONFLICT (flow_id, deployment_id, state_type, state_name) DO UPDATE SET runs = runs + 1;
END;
CREATE TRIGGER flow_run_count_delete AFTER DELETE ON flow_run
BEGIN
    UPDATE flow_run_count SET runs = runs - 1 WHERE flow_id = coalesce(OLD.flow_id, '') AND deployment_id = coalesce(OLD.deployment_id, '') AND state_type = coalesce(OLD.state_type, '') AND state_name = coalesce(OLD.state_name, '');
    DELETE FROM flow_run_count WHERE flow_id = coalesce(OLD.flow_id, '') AND deployment_id = coalesce(OLD.deployment_id, '') AND state_type = coalesce(OLD.state_type, '') AND state_name = coalesce(OLD.state_name, '') AND runs = 0;
END;
CREATE TRIGGER flow_run_tag_insert AFTER INSERT ON flow_run
WHEN NEW.tags <> '[]'
BEGIN
    INSERT INTO flow_run_tag SELECT DISTINCT value, NEW.id FROM json_each(NEW.tags);
    INSERT INTO flow_run_tag_count SELECT DISTINCT value, 1 FROM json_each(NEW.tags) WHERE true
    ON CONFLICT (tag) DO UPDATE SET runs = runs + 1;
END;
CREATE TRIGGER flow_run_tag_update AFTER UPDATE OF tags ON flow_run
WHEN OLD.tags <> NEW.tags
BEGIN
    DELETE FROM flow_run_tag
    WHERE tag IN (SELECT value FROM json_each(OLD.tags)) AND flow_run_id = OLD.id;
    UPDATE flow_run_tag_count SET runs = runs - 1
    WHERE tag IN (SELECT value FROM json_each(OLD.tags));
    DELETE FROM flow_run_tag_count
    WHERE tag IN (SELECT value FROM json_each(OLD.tags)) AND runs = 0;
    INSERT INTO flow_run_tag SELECT DISTINCT value, NEW.id FROM json_each(NEW.tags);
    INSERT INTO flow_run_tag_count SELECT DISTINCT value, 1 FROM json_each(NEW.tags) WHERE true
    ON CONFLICT (tag) DO UPDATE SET runs = runs + 1;
END;
CREATE TRIGGER flow_run_ended_insert AFTER INSERT ON flow_run
WHEN NEW.state_type IN ('CANCELLED', 'COMPLETED', 'CRASHED', 'FAILED') AND NEW.expected_start_time IS NOT NULL
BEGIN
    INSERT INTO flow_run_ended SELECT '', 3600000000, NEW.expected_start_time - (NEW.expected_start_time % 3600000000 + 3600000000) % 3600000000, NEW.state_type, coalesce(NEW.state_name, ''), 1, NEW.total_run_time, coalesce(max(NEW.start_time - NEW.expected_start_time, 0), 0) WHERE true
    ON CONFLICT (flow_id, width, start, state_type, state_name) DO UPDATE SET runs = runs + 1,
        run_time = run_time + excluded.run_time, lateness = lateness + excluded.lateness;
    INSERT INTO flow_run_ended SELECT '', 60000000, NEW.expected_start_time - (NEW.expected_start_time % 60000000 + 60000000) % 60000000, NEW.state_type, coalesce(NEW.state_name, ''), 1, NEW.total_run_time, coalesce(max(NEW.start_time - NEW.expected_start_time, 0), 0) WHERE true
    ON CONFLICT (flow_id, width, start, state_type, state_name) DO UPDATE SET runs = runs + 1,
        run_time = run_time + excluded.run_time, lateness = lateness + excluded.lateness;
    INSERT INTO flow_run_ended SELECT NEW.flow_id, 3600000000, NEW.expected_start_time - (NEW.expected_start_time % 3600000000 + 3600000000) % 3600000000, NEW.state_type, coalesce(NEW.state_name, ''), 1, NEW.total_run_time, coalesce(max(NEW.start_time - NEW.expected_start_time, 0), 0) WHERE true
    ON CONFLICT (flow_id, width, start, state_type, state_name) DO UPDATE SET runs = runs + 1,
        run_time = run_time + excluded.run_time, lateness = lateness + excluded.lateness;
END;
CREATE TRIGGER flow_run_ended_update_from AFTER UPDATE OF state_type, state_name, expected_start_time, start_time, total_run_time ON flow_run
WHEN OLD.state_type IN ('CANCELLED', 'COMPLETED', 'CRASHED', 'FAILED') AND OLD.expected_start_time IS NOT NULL
BEGIN
    UPDATE flow_run_ended SET runs = runs - 1,
        run_time = run_time - OLD.total_run_time, lateness = lateness - coalesce(max(OLD.start_time - OLD.expected_start_time, 0), 0) WHERE flow_id = '' AND width = 3600000000 AND start = OLD.expected_start_time - (OLD.expected_start_time % 3600000000 + 3600000000) % 3600000000 AND state_type = OLD.state_type AND state_name = coalesce(OLD.state_name, '');
    DELETE FROM flow_run_ended WHERE flow_id = '' AND width = 3600000000 AND start = OLD.expected_start_time - (OLD.expected_start_time % 3600000000 + 3600000000) % 3600000000 AND state_type = OLD.state_type AND state_name = coalesce(OLD.state_name, '') AND runs = 0;
    UPDATE flow_run_ended SET runs = runs - 1,
        run_time = run_time - OLD.total_run_time, lateness = lateness - coalesce(max(OLD.start_time - OLD.expected_start_time, 0), 0) WHERE flow_id = '' AND width = 60000000 AND start = OLD.expected_start_time - (OLD.expected_start_time % 60000000 + 60000000) % 60000000 AND state_type = OLD.state_type AND state_name = coalesce(OLD.state_name, '');
    DELETE FROM flow_run_ended WHERE flow_id = '' AND width = 60000000 AND start = OLD.expected_start_time - (OLD.expected_start_time % 60000000 + 60000000) % 60000000 AND state_type = OLD.state_type AND state_name = coalesce(OLD.state_name, '') AND runs = 0;
    UPDATE flow_run_ended SET runs = runs - 1,
        run_time = run_time - OLD.total_run_time, lateness = lateness - coalesce(max(OLD.start_time - OLD.expected_start_time, 0), 0) WHERE flow_id = OLD.flow_id AND width = 3600000000 AND start = OLD.expected_start_time - (OLD.expected_start_time % 3600000000 + 3600000000) % 3600000000 AND state_type = OLD.state_type AND state_name = coalesce(OLD.state_name, '');
    DELETE FROM flow_run_ended WHERE flow_id = OLD.flow_id AND width = 3600000000 AND start = OLD.expected_start_time - (OLD.expected_start_time % 3600000000 + 3600000000) % 3600000000 AND state_type = OLD.state_type AND state_name = coalesce(OLD.state_name, '') AND runs = 0;
END;
CREATE TRIGGER flow_run_ended_update_to AFTER UPDATE OF state_type, state_name, expected_start_time, start_time, total_run_time ON flow_run
WHEN NEW.state_type IN ('CANCELLED', 'COMPLETED', 'CRASHED', 'FAILED') AND NEW.expected_start_time IS NOT NULL
BEGIN
    INSERT INTO flow_run_ended SELECT '', 3600000000, NEW.expected_start_time - (NEW.expected_start_time % 3600000000 + 3600000000) % 3600000000, NEW.state_type, coalesce(NEW.state_name, ''), 1, NEW.total_run_time, coalesce(max(NEW.start_time - NEW.expected_start_time, 0), 0) WHERE true
    ON CONFLICT (flow_id, width, start, state_type, state_name) DO UPDATE SET runs = runs + 1,
        run_time = run_time + excluded.run_time, lateness = lateness + excluded.lateness;
    INSERT INTO flow_run_ended SELECT '', 60000000, NEW.expected_start_time - (NEW.expected_start_time % 60000000 + 60000000) % 60000000, NEW.state_type, coalesce(NEW.state_name, ''), 1, NEW.total_run_time, coalesce(max(NEW.start_time - NEW.expected_start_time, 0), 0) WHERE true
    ON CONFLICT (flow_id, width, start, state_type, state_name) DO UPDATE SET runs = runs + 1,
        run_time = run_time + excluded.run_time, lateness = lateness + excluded.lateness;
    INSERT INTO flow_run_ended SELECT NEW.flow_id, 3600000000, NEW.expected_start_time - (NEW.expected_start_time % 3600000000 + 3600000000) % 3600000000, NEW.state_type, coalesce(NEW.state_name, ''), 1, NEW.total_run_time, coalesce(max(NEW.start_time - NEW.expected_start_time, 0), 0) WHERE true
    ON CONFLICT (flow_id, width, start, state_type, state_name) DO UPDATE SET runs = runs + 1,
        run_time = run_time + excluded.run_time, lateness = lateness + excluded.lateness;
END;
CREATE TRIGGER flow_run_ended_delete AFTER DELETE ON flow_run
WHEN OLD.state_type IN ('CANCELLED', 'COMPLETED', 'CRASHED', 'FAILED') AND OLD.expected_start_time IS NOT NULL
BEGIN
    UPDATE flow_run_ended SET runs = runs - 1,
        run_time = run_time - OLD.total_run_time, lateness = lateness - coalesce(max(OLD.start_time - OLD.expected_start_time, 0), 0) WHERE flow_id = '' AND width = 3600000000 AND start = OLD.expected_start_time - (OLD.expected_start_time % 3600000000 + 3600000000) % 3600000000 AND state_type = OLD.state_type AND state_name = coalesce(OLD.state_name, '');
    DELETE FROM flow_run_ended WHERE flow_id = '' AND width = 3600000000 AND start = OLD.expected_start_time - (OLD.expected_start_time % 3600000000 + 3600000000) % 3600000000 AND state_type = OLD.state_type AND state_name = coalesce(OLD.state_name, '') AND runs = 0;
    UPDATE flow_run_ended SET runs = runs - 1,
        run_time = run_time - OLD.total_run_time, lateness = lateness - coalesce(max(OLD.start_time - OLD.expected_start_time, 0), 0) WHERE flow_id = '' AND width = 60000000 AND start = OLD.expected_start_time - (OLD.expected_start_time % 60000000 + 60000000) % 60000000 AND state_type = OLD.state_type AND state_name = coalesce(OLD.state_name, '');
    DELETE FROM flow_run_ended WHERE flow_id = '' AND width = 60000000 AND start = OLD.expected_start_time - (OLD.expected_start_time % 60000000 + 60000000) % 60000000 AND state_type = OLD.state_type AND state_name = coalesce(OLD.state_name, '') AND runs = 0;
    UPDATE flow_run_ended SET runs = runs - 1,
        run_time = run_time - OLD.total_run_time, lateness = lateness - coalesce(max(OLD.start_time - OLD.expected_start_time, 0), 0) WHERE flow_id = OLD.flow_id AND width = 3600000000 AND start = OLD.expected_start_time - (OLD.expected_start_time % 3600000000 + 3600000000) % 3600000000 AND state_type = OLD.state_type AND state_name = coalesce(OLD.state_name, '');
    DELETE FROM flow_run_ended WHERE flow_id = OLD.flow_id AND width = 3600000000 AND start = OLD.expected_start_time - (OLD.expected_start_time % 3600000000 + 3600000000) % 3600000000 AND state_type = OLD.state_type AND state_name = coalesce(OLD.state_name, '') AND runs = 0;
END;
CREATE TRIGGER flow_run_tag_delete AFTER DELETE ON flow_run
WHEN OLD.tags <> '[]'
BEGIN
    DELETE FROM flow_run_tag
    WHERE tag IN (SELECT value FROM json_each(OLD.tags)) AND flow_run_id = OLD.id;
    UPDATE flow_run_tag_count SET runs = runs - 1
    WHERE tag IN (SELECT value FROM json_each(OLD.tags));
    DELETE FROM flow_run_tag_count
    WHERE tag IN (SELECT value FROM json_each(OLD.tags)) AND runs = 0;
END;
